"""The questions of a complaint that depend on what is known of the customer."""

from typing import Any

from sqlalchemy.orm import Session

from actions.base import CareAction
from actions.turn import Reply, Turn, button
from crm import purchases
from crm.models.catalogue import PurchaseItem
from crm.words import label

MAX_SUBJECTS = 6
TITLE = 60


class AskComplaintSubject(CareAction):
    """Offers what the customer bought."""

    action = "action_ask_complaint_form_complaint_subject"
    listens = False
    answers = False

    def act(self, session: Session, turn: Turn, reply: Reply) -> None:
        bought = purchases.items(session, turn.customer(session).id)[:MAX_SUBJECTS]
        offered = [button(of_item(item)["complaint_subject"][:TITLE], "inform", subject=item.id) for item in bought]
        other = button(label("buttons.other_subject"), "inform", subject="other")
        reply.say("utter_ask_subject" if offered else "utter_ask_subject_unknown", [*offered, other])


class AskComplaintPhotos(CareAction):
    """Asks for a photo, or for the next one."""

    action = "action_ask_complaint_form_complaint_photos"
    listens = False
    answers = False

    def act(self, session: Session, turn: Turn, reply: Reply) -> None:
        count = len(turn.slot("pending_photos") or [])
        title = label("buttons.photos_done" if count else "buttons.skip")
        reply.say("utter_ask_more_photos" if count else "utter_ask_photos", [button(title, "deny")], count=count)


class AskComplaintContact(CareAction):
    """Asks how to reach the customer; their own number is one press away."""

    action = "action_ask_complaint_form_complaint_contact"
    listens = False
    answers = False

    def act(self, session: Session, turn: Turn, reply: Reply) -> None:
        phone = turn.customer(session).phone
        own = [button(label("buttons.use_phone", phone=phone), "inform", contact="phone")] if phone else []
        reply.say("utter_ask_contact", [*own, button(label("buttons.here"), "inform", contact="here")])


class AskComplaintConfirm(CareAction):
    """Reads the complaint back."""

    action = "action_ask_complaint_form_complaint_confirm"
    listens = False
    answers = False

    def act(self, session: Session, turn: Turn, reply: Reply) -> None:
        count = len(turn.slot("complaint_photos") or [])
        reply.say(
            "utter_complaint_read_back",
            description=str(turn.slot("complaint_description"))[:1500],
            subject=turn.slot("complaint_subject"),
            since=turn.slot("complaint_since"),
            photos=label("photos", count=count) if count else label("no_photo"),
            contact=turn.slot("complaint_contact"),
        )


def of_item(item: PurchaseItem) -> dict[str, Any]:
    """The slots of what the customer bought."""
    return {
        "complaint_subject": label("subject.item", product=item.product.name, code=item.purchase.order_code),
        "complaint_product_id": item.product_id,
        "complaint_purchase_id": item.purchase_id,
    }
