"""Messages that belong to an action no rule would choose: whatever the intent, the words or the moment decide."""

import re

from sqlalchemy.orm import Session

from actions.drafts import draft_of
from actions.meant import LONG_WORDS, amount_in, correction_of
from actions.turn import FALLBACK, Turn
from crm import catalogue, clock, surveys
from crm.scores import score_in
from crm.words import is_just, mentioned, normal, words

SHORT_WORDS = 6
FILED_MESSAGES = 3
_AFTER_FILING = frozenset(
    {"complaint", "talk_to_human", "order_status", "delivery", "book_service", "store_info", "product_info", "inform"}
    | {"warranty", "affirm", "deny", "out_of_scope", "return_exchange", FALLBACK}
)
# Intents of somebody who is about to buy; a complaint or a question about an order speaks of what was bought.
_BUYING = frozenset(
    {"ask_price", "product_info", "recommend_product", "inform", "affirm", "payment", "promotion", "book_service"}
    | {"order_status", "delivery", "store_info", "talk_to_human", "greet", "thank"}
)
_NOT_CORRECTED = frozenset({"complaint", "talk_to_human", "update_profile", "opt_out", "privacy_request"})
_BARE = frozenset({"inform", "affirm", "out_of_scope", FALLBACK})


def caught_by(session: Session, turn: Turn, *, listens: bool) -> str | None:
    """The action to which the message belongs, past the rules; None where the rules are right.

    Args:
        listens: whether a short message may answer a survey or "did it help?".
    """
    if turn.loop is not None or turn.aside:
        return None
    chosen = turn.entity("answer") if turn.pressed else None
    if draft_of(turn) and (caught := _of_draft(turn, chosen)) is not None:
        return caught
    if turn.pressed:
        return None
    if _asks_after_filing(turn):
        return "action_complaint_status"
    if turn.slot("expecting") == "order" and _says_what(session, turn):
        return "action_take_order"
    if turn.intent not in _NOT_CORRECTED and correction_of(session, turn) is not None:
        return "action_correct"
    if turn.intent in _BUYING and wants_to_buy(turn.text):
        return "action_take_order"
    return _answers_earlier(session, turn) if listens else None


def wants_to_buy(said: str) -> bool:
    """Whether an order is placed by these words ("I take this one")."""
    lists = words("dialogue")
    spoken = normal(said)
    if len(spoken.split()) > LONG_WORDS or mentioned(said, lists["bought_before"]) is not None:
        return False
    return any(re.search(pattern, spoken) for pattern in lists["buy"])


def _asks_after_filing(turn: Turn) -> bool:
    """Whether somebody who has just sent a complaint asks when it will be seen to: no second complaint, no call."""
    if turn.intent not in _AFTER_FILING or not turn.acted("action_submit_complaint", FILED_MESSAGES):
        return False
    spoken = normal(turn.text)
    asks = any(re.search(pattern, spoken) for pattern in words("complaint")["when_answered"])
    return asks and len(spoken.split()) <= LONG_WORDS


def _says_what(session: Session, turn: Turn) -> bool:
    """Whether the message, where an order is read back, says what is wanted instead."""
    if turn.intent not in _BUYING | {"deny", FALLBACK, "out_of_scope"}:
        return False
    asks = "?" in turn.text or mentioned(turn.text, words("dialogue")["question"]) is not None
    wish = turn.slot("order_wish") or {}
    named = [product.name for product in catalogue.mentioned(session, turn.text)]
    new = amount_in(turn.text) not in (None, wish.get("amount")) or any(
        n not in str(wish.get("product")) for n in named
    )
    return new and not asks


def _of_draft(turn: Turn, chosen: str | None) -> str | None:
    """What an unfinished complaint makes of the message."""
    if chosen == "resume" or is_just(turn.text, words("dialogue")["go_on"]):
        return "action_resume_complaint"
    if chosen == "drop":
        return "action_drop_complaint"
    expected = turn.slot("expecting") == "draft"
    return "action_offer_draft" if turn.intent in _BARE and not expected and not turn.pressed else None


def _answers_earlier(session: Session, turn: Turn) -> str | None:
    """The action that a short message without context belongs to: a survey's answer, or "it did not help"."""
    if not 0 < len(normal(turn.text).split()) <= SHORT_WORDS:
        return None
    if turn.slot("expecting") == "helpful":
        lists = words("dialogue")
        if mentioned(turn.text, lists["not_helped"]):
            return "action_not_helpful"
        if mentioned(turn.text, lists["helped"]):
            return "action_mark_helpful"
    if turn.customer_id is not None and score_in(turn.text) is not None:
        awaited = surveys.awaited(session, turn.customer_id, clock.now())
        return "action_rate_service" if awaited is not None else None
    return None
