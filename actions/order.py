"""The customer's own orders and what is still under warranty."""

import re

from sqlalchemy.orm import Session

from actions.base import CareAction
from actions.subjects import products_meant, under_discussion
from actions.turn import Reply, Turn, button
from crm import clock, knowledge, purchases
from crm.models.catalogue import Product, Purchase, PurchaseItem
from crm.settings import settings
from crm.words import label, mentioned, normal, words

DAY = "%d/%m/%Y"
MAX_ITEMS = 5


class ActionOrderStatus(CareAction):
    """Where the order is: the one whose code is given, else the newest."""

    action = "action_order_status"

    def act(self, session: Session, turn: Turn, reply: Reply) -> None:
        customer = turn.customer(session)
        code = turn.entity("order_code")
        if code is not None:
            order = purchases.find(session, customer.id, code)
        else:
            order = next(iter(purchases.of_customer(session, customer.id, limit=1)), None)
        person = [button(label("buttons.person"), "talk_to_human")]
        if order is not None:
            self._tell(order, reply)
        elif code is not None:
            reply.say("utter_order_not_found", person, code=code)
        else:
            reply.say("utter_no_order", person)

    def _tell(self, order: Purchase, reply: Reply) -> None:
        reply.say(
            "utter_order_status",
            code=order.order_code,
            day=purchases.bought_on(order).strftime(DAY),
            items=", ".join(f"{item.product.name} × {item.quantity}" for item in order.items),
            status=label(f"purchase_status.{order.status.value}"),
        )


class ActionWarranty(CareAction):
    """Until when the customer's own things are under warranty, else the shop's rules; nothing for what is not its."""

    action = "action_warranty"

    def act(self, session: Session, turn: Turn, reply: Reply) -> None:
        if bought_elsewhere(turn.question):
            reply.say("utter_warranty_elsewhere")
            reply.set(expecting="person")
            return
        items = self._items(session, turn)
        if items:
            today = clock.local(clock.now(), settings().zone).date()
            for item in items[:MAX_ITEMS]:
                until = purchases.warranty_until(item)
                reply.say(
                    "utter_warranty_valid" if until >= today else "utter_warranty_over",
                    product=item.product.name,
                    code=item.purchase.order_code,
                    bought=purchases.bought_on(item.purchase).strftime(DAY),
                    until=until.strftime(DAY),
                )
            return
        named = self._named(session, turn)[:MAX_ITEMS]
        for product in named:
            reply.say("utter_warranty_length", product=product.name, months=product.warranty_months)
        if named and mentioned(turn.question, words("dialogue")["own_thing"]) is not None:
            reply.say("utter_warranty_not_on_record")
            return
        passage = knowledge.policy(label("policies.warranty"), turn.question, session)
        if passage is not None:
            reply.say("utter_policy", title=passage.article.title, passage=passage.text)
        elif not reply.messages:
            reply.say("utter_ask_a_person")
            reply.set(expecting="person")

    def _named(self, session: Session, turn: Turn) -> list[Product]:
        return products_meant(session, turn, turn.question) or under_discussion(session, turn)

    def _items(self, session: Session, turn: Turn) -> list[PurchaseItem]:
        """The things meant: of the order whose code is given, of the product named, or the newest order's."""
        if turn.customer_id is None:
            return []
        code = turn.entity("order_code")
        if code is not None:
            order = purchases.find(session, turn.customer_id, code)
            return order.items if order else []
        named = self._named(session, turn)
        if named:
            return [item for product in named for item in purchases.items(session, turn.customer_id, product)]
        return [] if _asks_rules(session, turn.question) else purchases.items(session, turn.customer_id)[:MAX_ITEMS]


def bought_elsewhere(said: str) -> bool:
    """Whether the thing spoken of was bought somewhere else than at the shop."""
    return any(re.search(pattern, normal(said)) for pattern in words("dialogue")["bought_elsewhere"])


def _asks_rules(session: Session, question: str) -> bool:
    """Whether a section of the warranty article answers, and not the customer's own record."""
    passage = knowledge.policy(label("policies.warranty"), question, session)
    return passage is not None and passage.number > 0
