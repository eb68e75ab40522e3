"""Bare answers outside of any form: a name, a code, a product; and a photo without a word."""

from sqlalchemy.orm import Session

from actions.base import CareAction
from actions.complaint import ActionComplaintStatus
from actions.complaint_form import MAX_PHOTOS
from actions.fallback import not_understood
from actions.order import ActionOrderStatus
from actions.turn import Reply, Turn, button
from actions.usage import ActionAnswerUsage
from crm import catalogue, triage
from crm.words import label


class ActionInform(CareAction):
    """Does what the bare answer most likely is for, or asks."""

    action = "action_inform"
    writes = True
    looks_first = True

    def act(self, session: Session, turn: Turn, reply: Reply) -> None:
        products = catalogue.mentioned(session, turn.text)
        if turn.entity("ticket_code"):
            ActionComplaintStatus().act(session, turn, reply)
        elif turn.entity("order_code"):
            ActionOrderStatus().act(session, turn, reply)
        elif products and turn.slot("open_question"):
            self._answer_open(session, turn, reply, products[0].sku)
        else:
            not_understood(session, turn, reply)

    def _answer_open(self, session: Session, turn: Turn, reply: Reply, sku: str) -> None:
        ActionAnswerUsage().answer(session, turn, f"{turn.text} {turn.slot('open_question')}", reply)


class ActionReceivePhoto(CareAction):
    """Keeps the photo at hand and asks what it is about."""

    action = "action_receive_photo"
    writes = True

    def act(self, session: Session, turn: Turn, reply: Reply) -> None:
        photo = turn.entity("photo")
        if photo is None:
            reply.say("utter_no_photo_yet")
            return
        reply.set(pending_photos=[*(turn.slot("pending_photos") or []), photo][-MAX_PHOTOS:])
        caption = turn.entity("caption")
        if caption and triage.is_dangerous(caption):
            ActionAnswerUsage().warn(session, turn, reply)
            return
        if caption:
            reply.set(open_question=caption)
        shown = ("complaint", "product_usage", "talk_to_human")
        reply.say("utter_photo_received", [button(label(f"intents.{name}"), name) for name in shown])
