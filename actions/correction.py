"""A correction after the answer: the last question once more, for what was meant."""

from sqlalchemy.orm import Session

from actions.aside import ACTIONS
from actions.base import CareAction
from actions.fallback import not_understood
from actions.meant import correction_of
from actions.turn import Reply, Turn, button
from crm import purchases

MAX_ORDERS = 6


class ActionCorrect(CareAction):
    """Answers the last question for the product or order that the customer puts in the place of the first."""

    action = "action_correct"
    writes = True
    looks_first = True
    redirects = False
    ends_turn = True

    def act(self, session: Session, turn: Turn, reply: Reply) -> None:
        right = correction_of(session, turn)
        if right is None:
            not_understood(session, turn, reply)
            return
        if right.product is not None:
            reply.say("utter_corrected", product=right.product.name)
            about = {"product": right.product.sku}
        elif right.order_code is not None:
            about = {"order_code": right.order_code}
        else:
            self._offer_orders(session, turn, reply)
            return
        for intent, question in right.questions:
            ACTIONS[intent]().act(session, turn.restated(intent, question, **about), reply)

    def _offer_orders(self, session: Session, turn: Turn, reply: Reply) -> None:
        orders = purchases.of_customer(session, turn.customer(session).id, limit=MAX_ORDERS)
        buttons = [button(order.order_code, "order_status", order_code=order.order_code) for order in orders]
        reply.say("utter_which_order", buttons)
