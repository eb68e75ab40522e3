"""A wish to buy: orders are taken by people, who are told which product is wanted."""

from sqlalchemy.orm import Session

from actions.aside import ACTIONS
from actions.base import CareAction
from actions.subjects import products_meant
from actions.turn import Reply, Turn
from crm import catalogue, clock, escalations, promises
from crm.models.conversations import EscalationReason
from crm.settings import settings
from crm.shop import shop
from crm.words import label, mentioned, words

_ANSWERED_FIRST = frozenset({"ask_price", "product_info", "delivery", "payment", "promotion"})


class ActionTakeOrder(CareAction):
    """Answers what is asked along with the order, and calls a person to take it."""

    action = "action_take_order"
    writes = True
    redirects = False
    ends_turn = True

    def act(self, session: Session, turn: Turn, reply: Reply) -> None:
        asks = "?" in turn.text or mentioned(turn.text, words("dialogue")["question"]) is not None
        if asks and turn.intent in _ANSWERED_FIRST and turn.intent in ACTIONS:
            ACTIONS[turn.intent]().act(session, turn, reply)
        named = products_meant(session, turn, turn.text)
        known = None if named else catalogue.by_sku(session, str(turn.slot("product") or ""))
        products = [*named, *([known] if known else [])]
        wanted = ", ".join(product.name for product in products) or label("order_unnamed")
        note = label("order_note", product=wanted, said=turn.whole)
        escalations.open_for(session, turn.conversation(session), EscalationReason.ASKED, note=note[:500])
        staffed = promises.is_staffed(clock.now(), settings().zone, shop())
        reply.say("utter_order_passed" if staffed else "utter_order_passed_out_of_hours", product=wanted)
