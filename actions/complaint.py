"""A complaint begins, ends, and is asked about later."""

import re
from typing import Any

from sqlalchemy.orm import Session

from actions.base import CareAction
from actions.forms import TELLING_WORDS
from actions.turn import Reply, Turn, button
from crm import catalogue, clock, complaints, purchases, receipts, triage
from crm.complaints import Report
from crm.models.care import Complaint, ComplaintState
from crm.settings import settings
from crm.text import fold
from crm.words import is_just, label, normal, words

SLOTS = (
    "complaint_description",
    "complaint_subject",
    "complaint_product_id",
    "complaint_purchase_id",
    "complaint_since",
    "complaint_photos",
    "complaint_contact",
    "complaint_confirm",
    "complaint_edit",
)


def forget(reply: Reply) -> None:
    """Empties the draft."""
    reply.set(**dict.fromkeys((*SLOTS, "pending_photos")))


def subject_of(session: Session, customer_id: int, said: str) -> dict[str, Any] | None:
    """The slots for the product or order that `said` names: the customer's own purchase of it where there is one."""
    code = re.search(r"\bdh\s?\d{4,}\b", normal(said))
    bought = purchases.find(session, customer_id, code[0]) if code else None
    if bought is not None:
        items = bought.items
        text = label("subject.item", product=items[0].product.name if items else "", code=bought.order_code)
        product_id = items[0].product_id if len(items) == 1 else None
        return _subject(text, product_id, bought.id)
    named = catalogue.mentioned(session, said)
    if len(named) != 1:
        return None
    owned = purchases.items(session, customer_id, named[0])
    if owned:
        text = label("subject.item", product=named[0].name, code=owned[0].purchase.order_code)
        return _subject(text, named[0].id, owned[0].purchase_id)
    return _subject(named[0].name, named[0].id, None)


def _subject(text: str, product_id: int | None, purchase_id: int | None) -> dict[str, Any]:
    return {
        "complaint_subject": text,
        "complaint_product_id": product_id,
        "complaint_purchase_id": purchase_id,
    }


def since_in(said: str) -> str | None:
    """When it began, in the customer's own words, where the story says so."""
    for pattern in words("complaint")["since"]:
        found = re.search(rf"(?<!\w){pattern}(?!\w)", fold(said))
        if found:
            return _as_written(said, found.start(), found.end())
    return None


def _as_written(said: str, start: int, end: int) -> str:
    """The same stretch of the message with its accents, where folding kept the length."""
    plain = " ".join(said.split())
    return plain[start:end] if len(plain) == len(fold(said)) else fold(said)[start:end]


class ActionBeginComplaint(CareAction):
    """Opens a draft with what the first message tells already."""

    action = "action_begin_complaint"

    def act(self, session: Session, turn: Turn, reply: Reply) -> None:
        customer = turn.customer(session)
        photos = turn.slot("pending_photos")
        forget(reply)
        reply.set(pending_photos=photos, open_question=None)
        told = str(turn.slot("open_question") or "") if turn.pressed else ""
        said = turn.question or (told if triage.is_dangerous(told) else "")
        tells = len(normal(said).split()) >= TELLING_WORDS and not is_just(said, words("complaint")["empty"])
        if triage.is_dangerous(said):
            reply.say("utter_safety_first")
        reply.say("utter_complaint_sorry" if tells else "utter_complaint_begin")
        if tells:
            reply.set(complaint_description=said, complaint_since=since_in(said))
            reply.set(**(subject_of(session, customer.id, said) or {}))


class ActionSubmitComplaint(CareAction):
    """Records the complaint that the customer confirmed, once a turn; or says that nothing was recorded."""

    action = "action_submit_complaint"
    writes = True
    listens = False

    def act(self, session: Session, turn: Turn, reply: Reply) -> None:
        forget(reply)
        if turn.slot("complaint_confirm") != "yes":
            reply.say("utter_complaint_cancelled")
            return
        kept = receipts.once(session, turn.turn_id, self.action, lambda: self._submit(session, turn))
        reply.say("utter_complaint_recorded", **kept)

    def _submit(self, session: Session, turn: Turn) -> dict[str, Any]:
        said = str(turn.slot("complaint_description") or "")
        report = Report(
            description=said,
            category=triage.category_of(said),
            severity=triage.severity_of(said),
            product_id=turn.slot("complaint_product_id"),
            purchase_id=turn.slot("complaint_purchase_id"),
            since=str(turn.slot("complaint_since") or ""),
            contact=str(turn.slot("complaint_contact") or ""),
            photos=list(turn.slot("complaint_photos") or []),
        )
        complaint = complaints.submit(session, turn.customer(session), turn.conversation(session), report)
        return {"code": complaint.code, "due": clock.vietnamese_moment(complaint.promised_at, settings().zone)}


class ActionComplaintStatus(CareAction):
    """Says where the customer's complaint stands: the one whose code is given, else the newest."""

    action = "action_complaint_status"

    def act(self, session: Session, turn: Turn, reply: Reply) -> None:
        customer = turn.customer(session)
        code = turn.entity("ticket_code")
        if code is not None:
            complaint = complaints.find(session, customer.id, code)
        else:
            complaint = next(iter(complaints.of_customer(session, customer.id)), None)
        if complaint is None and code is not None:
            reply.say("utter_complaint_not_found", code=code)
        elif complaint is None:
            reply.say("utter_no_complaint")
        else:
            self._tell(complaint, reply)

    def _tell(self, complaint: Complaint, reply: Reply) -> None:
        due = clock.vietnamese_moment(complaint.promised_at, settings().zone)
        state = label(f"complaint_state.{complaint.state.value}")
        if complaint.state in (ComplaintState.RESOLVED, ComplaintState.CLOSED):
            reply.say(
                "utter_complaint_answered",
                [button(label("buttons.person"), "talk_to_human")],
                code=complaint.code,
                state=state,
                resolution=complaint.resolution[:2000],
            )
        elif complaint.promised_at < clock.now():
            person = [button(label("buttons.person"), "talk_to_human")]
            reply.say("utter_complaint_overdue", person, code=complaint.code, state=state, due=due)
        else:
            reply.say("utter_complaint_waiting", code=complaint.code, state=state, due=due)
