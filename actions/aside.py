"""A word aside while a form asks: answered shortly, without starting anything of its own."""

from rasa_sdk.events import ActiveLoop  # type: ignore[import-untyped]
from sqlalchemy.orm import Session

from actions.base import CareAction
from actions.complaint import ActionComplaintStatus
from actions.consent import ActionOptOut
from actions.order import ActionOrderStatus, ActionWarranty
from actions.policy import ActionLoyaltyPoints, ActionTellPolicy
from actions.privacy import ActionPrivacyRequest
from actions.product import ActionAskPrice, ActionProductInfo, ActionRecommendProduct
from actions.profile import ActionUpdateProfile
from actions.rating import ActionRateService
from actions.turn import Reply, Turn
from actions.usage import ActionAnswerUsage

ACTIONS: dict[str, type[CareAction]] = {
    "product_usage": ActionAnswerUsage,
    "product_info": ActionProductInfo,
    "ask_price": ActionAskPrice,
    "recommend_product": ActionRecommendProduct,
    "order_status": ActionOrderStatus,
    "warranty": ActionWarranty,
    "complaint_status": ActionComplaintStatus,
    "delivery": ActionTellPolicy,
    "return_exchange": ActionTellPolicy,
    "payment": ActionTellPolicy,
    "store_info": ActionTellPolicy,
    "referral": ActionTellPolicy,
    "loyalty_points": ActionLoyaltyPoints,
    "privacy_request": ActionPrivacyRequest,
    "update_profile": ActionUpdateProfile,
    "rate_service": ActionRateService,
    "opt_out": ActionOptOut,
}
RESPONSES = {
    name: f"utter_{name}"
    for name in (
        "ask_bot",
        "promotion",
        "voucher",
        "event_info",
        "company_info",
        "book_service",
        "greet",
        "thank",
        "goodbye",
    )
}
# In the middle of a form: no menu, and whoever says goodbye is not asked the question once more.
_IN_FORM = {"greet": "utter_greet_in_form", "ask_bot": "utter_ask_bot_in_form", "goodbye": "utter_goodbye_in_form"}


def leave_for_now(reply: Reply) -> None:
    """Ends the form and keeps what it holds: a complaint can be gone on with (actions.unfinished)."""
    reply.events.append(ActiveLoop(None))
    reply.set(requested_slot=None)
    reply.follow("action_listen")


class ActionAnswerAside(CareAction):
    """Answers what the message asks by the action or the response that belongs to its intent.

    Where the form goes on, nothing else is begun; where it was left, the answer is as full as ever.
    """

    action = "action_answer_aside"
    writes = True
    looks_first = True
    listens = False

    def act(self, session: Session, turn: Turn, reply: Reply) -> None:
        aside = Turn(turn.tracker, aside=turn.loop is not None)
        action = ACTIONS.get(turn.intent)
        if action is not None:
            action().act(session, aside, reply)
        elif turn.loop is not None and turn.intent in _IN_FORM:
            reply.say(_IN_FORM[turn.intent])
            if turn.intent == "goodbye":
                leave_for_now(reply)
        else:
            reply.say(RESPONSES.get(turn.intent, "utter_after_this"))
