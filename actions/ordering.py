"""A wish to buy: read back where a product or an amount was understood, and passed on to the people who take orders."""

from typing import Any

from sqlalchemy.orm import Session

from actions.aside import ACTIONS
from actions.base import CareAction
from actions.meant import amount_in
from actions.subjects import products_meant
from actions.turn import Reply, Turn, button
from crm import catalogue, clock, escalations, promises
from crm.models.conversations import EscalationReason
from crm.settings import settings
from crm.shop import shop
from crm.words import label, mentioned, words

MAX_SAID = 300
_ANSWERED_FIRST = frozenset({"ask_price", "product_info", "delivery", "payment", "promotion"})


class ActionTakeOrder(CareAction):
    """Answers what is asked along with the order and reads the order back; one that tells neither is passed on."""

    action = "action_take_order"
    writes = True
    looks_first = True
    redirects = False
    ends_turn = True

    def act(self, session: Session, turn: Turn, reply: Reply) -> None:
        asks = "?" in turn.text or mentioned(turn.text, words("dialogue")["question"]) is not None
        if asks and turn.intent in _ANSWERED_FIRST and turn.intent in ACTIONS:
            ACTIONS[turn.intent]().act(session, turn, reply)
        wish = _wish(session, turn)
        if not (wish["product"] or wish["amount"]) or _same(wish, _read_back(turn)):
            pass_on(session, turn, reply, wish)
            return
        reply.set(order_wish=wish, expecting="order")
        if not wish["product"]:
            reply.say("utter_order_which", amount=wish["amount"])
            return
        yes, no = button(label("buttons.right"), "affirm"), button(label("buttons.change"), "deny", answer="order")
        reply.say("utter_order_read_back", [yes, no], wanted=_wanted(wish))


class ActionPassOrder(CareAction):
    """The customer said yes to what was read back."""

    action = "action_pass_order"
    writes = True
    listens = False
    ends_turn = True

    def act(self, session: Session, turn: Turn, reply: Reply) -> None:
        pass_on(session, turn, reply, _wish(session, turn))


class ActionAmendOrder(CareAction):
    """What was read back is not right: asks for product and amount, or lets it be."""

    action = "action_amend_order"
    listens = False
    ends_turn = True

    def act(self, session: Session, turn: Turn, reply: Reply) -> None:
        reply.set(order_wish=None)
        if turn.entity("answer") != "order" and mentioned(turn.text, words("complaint")["edit"]) is None:
            reply.say("utter_deny")
            return
        reply.say("utter_order_amend")
        reply.set(expecting="order")


def pass_on(session: Session, turn: Turn, reply: Reply, wish: dict[str, Any]) -> None:
    """Calls a person to take the order and says so."""
    note = label("order_note", product=_wanted(wish), said=wish["said"])
    escalations.open_for(session, turn.conversation(session), EscalationReason.ASKED, note=note[:500])
    staffed = promises.is_staffed(clock.now(), settings().zone, shop())
    if not staffed:
        promises.at_opening(session, turn.conversation(session))
    reply.set(order_wish=None)
    reply.say("utter_order_passed" if staffed else "utter_order_passed_out_of_hours", product=_wanted(wish))


def _wish(session: Session, turn: Turn) -> dict[str, Any]:
    """{"product": its name or None, "amount": pieces or None, "said"}; what is not said is as it was read back."""
    before = _read_back(turn)
    named = products_meant(session, turn, turn.text)
    known = None if named else catalogue.by_sku(session, str(turn.slot("product") or ""))
    products = [*named, *([known] if known and not before.get("product") else [])]
    said = " / ".join(part for part in (before.get("said"), turn.whole) if part)
    return {
        "product": ", ".join(product.name for product in products) or before.get("product"),
        "amount": amount_in(turn.text) or before.get("amount"),
        "said": said[-MAX_SAID:],
    }


def _read_back(turn: Turn) -> dict[str, Any]:
    """The wish that waits for its yes; empty without one."""
    return dict(turn.slot("order_wish") or {}) if turn.slot("expecting") == "order" else {}


def _same(wish: dict[str, Any], before: dict[str, Any]) -> bool:
    return bool(before) and all(wish[key] == before[key] for key in ("product", "amount"))


def _wanted(wish: dict[str, Any]) -> str:
    """The wish as a person reads it: the product with the amount before it."""
    product = wish["product"] or label("order_unnamed")
    return label("order_amount", amount=wish["amount"], product=product) if wish["amount"] else str(product)
