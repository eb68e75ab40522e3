"""Complaints: recorded with a code and a promise, moved along their states, answered, and surveyed."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import audit, clock, codes, outbox, templates
from crm.errors import IllegalTransition, InvalidInput, NotFound
from crm.models.care import Complaint, ComplaintCategory, ComplaintEvent, ComplaintState, Severity, Survey
from crm.models.conversations import Conversation
from crm.models.messaging import OutboxKind
from crm.models.people import ChannelAccount, Customer
from crm.models.staff import Staff
from crm.outbox import Content
from crm.promises import answer_by
from crm.settings import settings
from crm.shop import shop

OPEN_STATES = (ComplaintState.NEW, ComplaintState.IN_PROGRESS)
LEGAL = {
    ComplaintState.NEW: {ComplaintState.IN_PROGRESS, ComplaintState.RESOLVED},
    ComplaintState.IN_PROGRESS: {ComplaintState.RESOLVED},
    ComplaintState.RESOLVED: {ComplaintState.CLOSED, ComplaintState.IN_PROGRESS},
    ComplaintState.CLOSED: {ComplaintState.IN_PROGRESS},
}


@dataclass(frozen=True)
class Report:
    """What the customer said. `since` and `contact` are their own words; `photos` are paths below var/attachments."""

    description: str
    category: ComplaintCategory = ComplaintCategory.OTHER
    severity: Severity = Severity.NORMAL
    product_id: int | None = None
    purchase_id: int | None = None
    since: str = ""
    contact: str = ""
    photos: list[str] = field(default_factory=list)


def has_open(session: Session, customer_id: int) -> bool:
    """Whether a complaint of the customer still waits for its answer."""
    waiting = select(Complaint.id).where(Complaint.customer_id == customer_id, Complaint.state.in_(OPEN_STATES))
    return session.scalar(waiting.limit(1)) is not None


def submit(session: Session, customer: Customer, conversation: Conversation | None, report: Report) -> Complaint:
    """Records the complaint with its code and the moment by which an answer is promised."""
    if not report.description.strip():
        raise InvalidInput("description", "say what happened")
    moment = clock.now()
    complaint = Complaint(
        code=codes.next_code(session, "KN", clock.local(moment, settings().zone).year),
        customer_id=customer.id,
        customer=customer,
        conversation_id=conversation.id if conversation else None,
        product_id=report.product_id,
        purchase_id=report.purchase_id,
        category=report.category,
        severity=report.severity,
        state=ComplaintState.NEW,
        description=report.description,
        since=report.since[:200],
        contact=report.contact[:200],
        photos=report.photos,
        created_at=moment,
        promised_at=answer_by(moment, report.severity, settings().zone, shop()),
    )
    session.add(complaint)
    session.flush()
    _event(session, complaint, None, None, "")
    return complaint


def get(session: Session, complaint_id: int) -> Complaint:
    """The complaint; raises NotFound."""
    complaint = session.get(Complaint, complaint_id)
    if complaint is None:
        raise NotFound(f"complaint {complaint_id}")
    return complaint


def of_customer(session: Session, customer_id: int) -> list[Complaint]:
    """The customer's complaints, newest first."""
    mine = select(Complaint).where(Complaint.customer_id == customer_id)
    return list(session.scalars(mine.order_by(Complaint.id.desc())))


def find(session: Session, customer_id: int, code: str) -> Complaint | None:
    """The customer's own complaint by its code. Somebody else's is not found."""
    mine = select(Complaint).where(Complaint.customer_id == customer_id, Complaint.code == code)
    return session.scalar(mine)


def listing(session: Session, state: ComplaintState | None = None, limit: int = 200) -> list[Complaint]:
    """Complaints for the console: those promised soonest first, resolved ones last."""
    every = select(Complaint).limit(limit).order_by(Complaint.resolved_at.is_not(None), Complaint.promised_at)
    return list(session.scalars(every if state is None else every.where(Complaint.state == state)))


def move(session: Session, complaint: Complaint, to: ComplaintState, staff: Staff, note: str = "") -> None:
    """The one function through which a complaint changes state. Raises IllegalTransition."""
    session.flush()
    session.refresh(complaint, with_for_update=True)  # two people press at once: the second sees what the first did
    if to not in LEGAL[complaint.state]:
        raise IllegalTransition(f"{complaint.code}: {complaint.state} -> {to}")
    before, complaint.state = complaint.state, to
    if to is ComplaintState.IN_PROGRESS:
        complaint.owner_id, complaint.resolved_at = staff.id, None
    _event(session, complaint, before, staff.id, note)
    audit.record(session, staff, f"complaint_{to.value}", "complaint", complaint.id, note=note)


def resolve(session: Session, complaint: Complaint, staff: Staff, resolution: str) -> None:
    """Answers the complaint: the answer goes to the customer, and a survey falls due a while later."""
    resolution = resolution.strip()
    if not resolution:
        raise InvalidInput("resolution", "write what the customer shall read")
    move(session, complaint, ComplaintState.RESOLVED, staff, resolution)
    moment = clock.now()
    complaint.resolution, complaint.resolved_at = resolution, moment
    account = account_of(session, complaint)
    if account is not None:
        text = templates.message("complaint_resolved", complaint.customer, code=complaint.code, resolution=resolution)
        key = f"complaint_resolved:{complaint.id}:{len(complaint.events)}"
        outbox.enqueue(session, account, Content(text), kind=OutboxKind.CARE, dedupe_key=key)
    _plan_survey(session, complaint, moment + timedelta(seconds=settings().survey_delay_s))


def account_of(session: Session, complaint: Complaint) -> ChannelAccount | None:
    """Where the customer is answered: the chat the complaint came from, else their newest chat."""
    if complaint.conversation_id is not None:
        conversation = session.get(Conversation, complaint.conversation_id)
        if conversation is not None:
            return conversation.account
    newest = select(ChannelAccount).where(ChannelAccount.customer_id == complaint.customer_id)
    return session.scalar(newest.order_by(ChannelAccount.id.desc()).limit(1))


def _plan_survey(session: Session, complaint: Complaint, due_at: datetime) -> None:
    if session.scalar(select(Survey.id).where(Survey.complaint_id == complaint.id)) is None:
        session.add(Survey(complaint_id=complaint.id, due_at=due_at))


def _event(
    session: Session, complaint: Complaint, before: ComplaintState | None, staff_id: int | None, note: str
) -> None:
    complaint.events.append(
        ComplaintEvent(from_state=before, to_state=complaint.state, staff_id=staff_id, note=note, at=clock.now())
    )
    session.flush()
