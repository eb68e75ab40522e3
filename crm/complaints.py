"""Complaints: recorded with a code and a promise, and moved along their states (`crm.case_states`)."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import case_events, case_news, case_owners, case_states, clock, codes, service_levels, staff_notices, surveys
from crm.case_news import account_of
from crm.case_states import LEGAL, OPEN_STATES
from crm.errors import InvalidInput, NotFound
from crm.models.care import Complaint, ComplaintCategory, ComplaintEvent, ComplaintState, EventKind, Severity
from crm.models.conversations import Conversation
from crm.models.people import Customer
from crm.models.service import NoticeKind
from crm.models.staff import Staff
from crm.promises import answer_by
from crm.settings import settings
from crm.shop import shop

__all__ = ["LEGAL", "OPEN_STATES", "account_of"]  # named here because callers say `complaints.OPEN_STATES`

CLOSING_BATCH = 100
REPEATED_WITHIN = timedelta(days=1)
# What a change of state has to say to the customer: without it there is no such change.
_MUST_SAY = {ComplaintState.RESOLVED: "resolution", ComplaintState.WAITING: "question"}


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
    """Records the complaint with its code and the moment by which an answer is promised. Raises InvalidInput."""
    if not report.description.strip():
        raise InvalidInput("description", "say what happened")
    moment = clock.now()
    promised = answer_by(moment, report.severity, settings().zone, shop())
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
        promised_at=promised,
        due_at=promised,
    )
    session.add(complaint)
    session.flush()
    case_events.record(session, complaint, EventKind.STATE, None)
    service_levels.case_opened(session, complaint)
    return complaint


def submit_once(session: Session, customer: Customer, conversation: Conversation, report: Report) -> Complaint:
    """`submit`, unless an open complaint of the last REPEATED_WITHIN says just the same: then that one.

    Where Rasa died after the commit, its memory knows nothing of it, and the customer confirms once more.
    """
    same = (
        Complaint.customer_id == customer.id,
        Complaint.state.in_(OPEN_STATES),
        Complaint.created_at > clock.now() - REPEATED_WITHIN,
        Complaint.description == report.description,
        Complaint.severity == report.severity,  # told again in anger it is another
        Complaint.product_id.is_not_distinct_from(report.product_id),
        Complaint.purchase_id.is_not_distinct_from(report.purchase_id),
    )
    told = session.scalars(select(Complaint).where(*same).order_by(Complaint.id.desc())).first()
    return told or submit(session, customer, conversation, report)


def filed_since(session: Session, conversation_id: int, moment: datetime) -> Complaint | None:
    """The last complaint filed in the conversation from `moment` on."""
    filed = select(Complaint).where(Complaint.conversation_id == conversation_id, Complaint.created_at >= moment)
    return session.scalars(filed.order_by(Complaint.id.desc())).first()


def get(session: Session, complaint_id: int) -> Complaint:
    """The complaint; raises NotFound."""
    complaint = session.get(Complaint, complaint_id)
    if complaint is None:
        raise NotFound(f"complaint {complaint_id}")
    return complaint


def lock(session: Session, complaint: Complaint) -> None:
    """Takes the row and reads it again: where two people press at once, the second sees what the first did."""
    session.flush()
    session.refresh(complaint, with_for_update=True)


def of_customer(session: Session, customer_id: int) -> list[Complaint]:
    """The customer's complaints, newest first."""
    mine = select(Complaint).where(Complaint.customer_id == customer_id)
    return list(session.scalars(mine.order_by(Complaint.id.desc())))


def newest_open(session: Session, customer_id: int) -> Complaint | None:
    """The customer's newest complaint that still waits for its answer."""
    waiting = select(Complaint).where(Complaint.customer_id == customer_id, Complaint.state.in_(OPEN_STATES))
    return session.scalar(waiting.order_by(Complaint.id.desc()).limit(1))


def find(session: Session, customer_id: int, code: str) -> Complaint | None:
    """The customer's own complaint by its code. Somebody else's is not found."""
    mine = select(Complaint).where(Complaint.customer_id == customer_id, Complaint.code == code)
    return session.scalar(mine)


def answered_in(session: Session, complaint: Complaint) -> Complaint:
    """The case in which this one is answered: itself, unless it was merged into another."""
    while complaint.merged_into_id is not None:
        complaint = get(session, complaint.merged_into_id)
    return complaint


def move(
    session: Session,
    complaint: Complaint,
    to: ComplaintState,
    staff: Staff | None,
    note: str = "",
    *,
    kind: EventKind = EventKind.STATE,
    **detail: Any,
) -> None:
    """The one function through which a complaint changes state. Locks the row; the customer hears what concerns them.

    Args:
        staff: None is the customer, or the clock.
        note: for RESOLVED the answer and for WAITING the question that the customer reads; otherwise for the history.
        kind: MERGED when the case joins another or leaves it again (`crm.case_merges` alone), with `detail` for the
            history; the customer hears nothing of it.

    Raises:
        IllegalTransition: the state does not allow it, or it was settled too long ago to be taken up again.
        InvalidInput: the answer ("resolution") or the question ("question") is empty.
    """
    note = note.strip()
    if to in _MUST_SAY and not note:
        raise InvalidInput(_MUST_SAY[to], "write what the customer shall read")
    lock(session, complaint)
    case_states.require(complaint, to, clock.now(), merging=kind is EventKind.MERGED)
    before = _enter(complaint, to, staff, note)
    action = f"complaint_{to.value}" if kind is EventKind.STATE else ""
    event = case_events.record(session, complaint, kind, staff, note, before=before, action=action, **detail)
    if staff is not None and to in _MUST_SAY:
        service_levels.case_answered(session, complaint, staff)
    service_levels.case_moved(session, complaint, before, to, staff)
    surveys.follow(session, complaint, before, to, staff)
    if staff is None and to is ComplaintState.IN_PROGRESS:
        _tell_owner(session, complaint, event, before)
    case_news.tell(session, complaint, event)


def _tell_owner(session: Session, complaint: Complaint, event: ComplaintEvent, before: ComplaintState) -> None:
    """The customer took the case up again, or answered what it waited for: whoever looks after it hears of it."""
    staff_notices.tell(
        session,
        case_owners.who_hears(session, [complaint.owner_id]),
        NoticeKind.CASE_REOPENED if case_states.is_reopening(before, complaint.state) else NoticeKind.CASE_ANSWERED,
        key=f"case_event:{event.id}",
        target=f"/complaints/{complaint.id}",
        customer_id=complaint.customer_id,
        name=complaint.customer.name,
        code=complaint.code,
    )


def _enter(complaint: Complaint, to: ComplaintState, staff: Staff | None, note: str) -> ComplaintState:
    """Sets the state and what goes with it; returns the state before."""
    before, complaint.state, moment = complaint.state, to, clock.now()
    taken_on = to is ComplaintState.IN_PROGRESS and before in (ComplaintState.NEW, ComplaintState.ACKNOWLEDGED)
    taken_by = staff if staff is not None and case_owners.may_own(staff) else None
    if taken_by is not None and to in OPEN_STATES and (taken_on or complaint.owner_id is None):
        complaint.owner_id = taken_by.id
    if to is ComplaintState.RESOLVED:
        complaint.resolution, complaint.resolved_at = note, moment
    elif to is ComplaintState.CLOSED:
        complaint.closed_at = moment
    elif case_states.is_reopening(before, to):
        complaint.resolved_at = complaint.closed_at = None
        complaint.promised_at = answer_by(moment, complaint.severity, settings().zone, shop())
    return before


def resolve(session: Session, complaint: Complaint, staff: Staff, resolution: str) -> None:
    """Answers the complaint: the answer goes to the customer, and a survey falls due a while later."""
    move(session, complaint, ComplaintState.RESOLVED, staff, resolution)


def reopen_for_customer(session: Session, complaint: Complaint, said: str) -> bool:
    """Takes a settled case up again at the customer's own word; False when it is too late for that."""
    if not case_states.may_reopen(complaint, clock.now()):
        return False
    move(session, complaint, ComplaintState.IN_PROGRESS, None, said[:500])
    return True


def customer_wrote(session: Session, customer_id: int) -> int:
    """Goes on with the cases that wait for the customer, who has just written; returns how many."""
    asked = select(Complaint).where(Complaint.customer_id == customer_id, Complaint.state == ComplaintState.WAITING)
    waiting = list(session.scalars(asked.order_by(Complaint.id)))
    for complaint in waiting:
        lock(session, complaint)
        if complaint.state is ComplaintState.WAITING:  # read again: somebody may have settled it meanwhile
            move(session, complaint, ComplaintState.IN_PROGRESS, None)
    return len(waiting)


def question_of(session: Session, complaint: Complaint) -> str:
    """What the customer was last asked about the complaint; empty when nothing was."""
    asked = select(ComplaintEvent.note).where(
        ComplaintEvent.complaint_id == complaint.id, ComplaintEvent.to_state == ComplaintState.WAITING
    )
    return session.scalar(asked.where(ComplaintEvent.kind == EventKind.STATE).order_by(ComplaintEvent.id.desc())) or ""


def close_settled(session: Session, moment: datetime) -> int:
    """Closes cases that were answered some days ago (a setting) and not taken up again; returns how many."""
    before = moment - timedelta(days=settings().complaint_close_days)
    settled = select(Complaint).where(Complaint.state == ComplaintState.RESOLVED, Complaint.resolved_at <= before)
    settled = settled.order_by(Complaint.id).limit(CLOSING_BATCH).with_for_update(skip_locked=True)
    complaints = list(session.scalars(settled))
    for complaint in complaints:
        move(session, complaint, ComplaintState.CLOSED, None)
    return len(complaints)
