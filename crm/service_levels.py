"""What happens to a case or a call, told to its clocks and promises. Callers hold the lock of the case or call."""

from collections.abc import Collection, Mapping
from datetime import datetime
from enum import Enum, auto
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import clock, promises, service_clocks
from crm.business_calendar import calendar
from crm.models.care import Complaint, ComplaintState
from crm.models.conversations import Conversation, Escalation, EscalationState, Mode
from crm.models.service import ClockKind, ServiceClock
from crm.models.staff import Staff
from crm.service_clocks import ClockView
from crm.service_targets import Times, levels

__all__ = ["ClockView"]  # offered here beside the rest
ANSWERS = (ClockKind.FIRST_RESPONSE, ClockKind.NEXT_RESPONSE)
EVERY = tuple(ClockKind)


class Pace(Enum):
    """What the clocks of a case do in a state."""

    RUNS = auto()
    RESTS = auto()
    ENDS = auto()


PACE = {
    ComplaintState.NEW: Pace.RUNS,
    ComplaintState.ACKNOWLEDGED: Pace.RUNS,
    ComplaintState.IN_PROGRESS: Pace.RUNS,
    ComplaintState.WAITING: Pace.RESTS,
    ComplaintState.RESOLVED: Pace.ENDS,
    ComplaintState.CLOSED: Pace.ENDS,
}


def case_opened(session: Session, complaint: Complaint, at: datetime | None = None) -> None:
    """Starts the clocks of a new case and gives the customer their promise: `promised_at`, and its row.

    Args:
        at: when it was reported; now, unless it is entered later.
    """
    at, times = at or clock.now(), _times(complaint)
    for kind in (ClockKind.FIRST_RESPONSE, ClockKind.RESOLUTION):
        service_clocks.start(session, complaint, kind, times[kind], at)
    promises.of_case(session, complaint, calendar().due(at, times[ClockKind.FIRST_RESPONSE]), at)


def case_moved(
    session: Session, complaint: Complaint, before: ComplaintState, to: ComplaintState, by: Staff | None = None
) -> None:
    """Follows a case from state `before` to `to`; `by` None is the customer's own word, which asks for an answer."""
    at, was, now = clock.now(), PACE[before], PACE[to]
    if now is Pace.RESTS:
        service_clocks.pause(session, complaint, at)
        promises.case_answered(session, complaint, by, at)
    elif now is Pace.ENDS and was is not Pace.ENDS:
        _end(session, complaint, to, by, at)
    elif now is Pace.RUNS and was is Pace.RESTS:
        service_clocks.resume(session, complaint, at)
        if by is None:
            _ask(session, complaint, at)
        promises.again(session, complaint, _next_promise(complaint, at), at)
    elif now is Pace.RUNS and was is Pace.ENDS:  # reopened
        service_clocks.start(session, complaint, ClockKind.RESOLUTION, _times(complaint)[ClockKind.RESOLUTION], at)
        _ask(session, complaint, at)
        promises.again(session, complaint, calendar().due(at, _times(complaint)[ClockKind.NEXT_RESPONSE]), at)


def _next_promise(complaint: Complaint, at: datetime) -> datetime:
    """What the customer of a case that goes on is told when they ask: never a time that has passed, nor a sooner one
    than they were told."""
    due = complaint.due_at
    if due is None or due <= at:
        due = calendar().due(at, _times(complaint)[ClockKind.NEXT_RESPONSE])
    return max(complaint.promised_at, due)


def _end(session: Session, complaint: Complaint, to: ComplaintState, by: Staff | None, at: datetime) -> None:
    """A case that was resolved was answered; one closed without needs no answer any more.

    One that was merged has nothing left by then: see `merged`.
    """
    if to is ComplaintState.RESOLVED:
        service_clocks.stop(session, complaint, EVERY, at)
        promises.case_resolved(session, complaint, by, at)
        return
    service_clocks.void(session, complaint, at)
    promises.case_dropped(session, complaint, at)


def merged(session: Session, duplicate: Complaint, kept: Complaint) -> dict[str, Any]:
    """Hands over what runs and what was promised, as `duplicate` is about to be closed: in `kept` the nearer due time
    holds. Returns what `separated` needs to give it back: numbers of rows."""
    at, rests = clock.now(), PACE[kept.state] is Pace.RESTS
    lent = service_clocks.hand_over(session, duplicate, kept, at, rests=rests)
    return {**lent, "promises": promises.hand_over(session, duplicate, kept)}


def separated(session: Session, duplicate: Complaint, kept: Complaint, lent: Mapping[str, list[int]]) -> None:
    """Gives back what `merged` handed over, as `duplicate` is about to be opened again: no clock begins anew.

    What was answered in `kept` meanwhile is answered. The due times of `kept` stay as near as they have become.
    """
    at = clock.now()
    service_clocks.give_back(session, duplicate, kept, lent, at)
    promises.hand_over(session, kept, duplicate, lent.get("promises", []))
    kept.promised_at = promises.nearest(session, kept) or kept.promised_at


def case_answered(session: Session, complaint: Complaint, staff: Staff, *, answers: bool = True) -> None:
    """A person answered the customer about the case, or only promised to (`answers` False)."""
    at = clock.now()
    service_clocks.stop(session, complaint, ANSWERS, at)
    if answers:
        promises.case_answered(session, complaint, staff, at)


def severity_changed(session: Session, complaint: Complaint) -> None:
    """Counts anew what runs. The customer may be answered sooner than promised, never later.

    A case that is due at once by it keeps the time that the customer was told: a promise is not broken before that.
    """
    at = clock.now()
    service_clocks.recount(session, complaint, _times(complaint), at)
    first = [each for each in service_clocks.alive(session, complaint) if each.kind is ClockKind.FIRST_RESPONSE]
    if first and at < first[0].due_at < complaint.promised_at:
        complaint.promised_at = first[0].due_at
        promises.bring_forward(session, complaint, first[0].due_at)


def call_opened(session: Session, escalation: Escalation, at: datetime | None = None) -> None:
    """Starts the clock of a conversation that waits for a person."""
    _start_call(session, escalation, ClockKind.FIRST_RESPONSE, at or clock.now())


def call_claimed(session: Session, escalation: Escalation, staff: Staff) -> None:
    """Somebody took the conversation: no clock stops by it, an answer does; notices go to them from now on."""


def call_answered(session: Session, escalation: Escalation, staff: Staff, *, answers: bool = True) -> None:
    """A person wrote to the customer: it answers the call, and the cases of this conversation that are theirs.

    `answers` False: they only promised an answer, which stops the clocks but keeps no promise of theirs.
    """
    at = clock.now()
    service_clocks.stop(session, escalation, ANSWERS, at)
    promises.talk_answered(session, escalation.conversation_id, staff, at, answers=answers)
    for complaint in _cases_of(session, escalation.conversation_id, staff):
        case_answered(session, complaint, staff, answers=answers)


def call_closed(session: Session, escalation: Escalation) -> None:
    """The conversation is the assistant's again."""
    service_clocks.void(session, escalation, clock.now())


def customer_wrote(session: Session, conversation: Conversation) -> None:
    """The customer of a conversation that people answer waits for the next answer, unless they wait for the first."""
    if conversation.mode is not Mode.PEOPLE:
        return
    calls = select(Escalation).where(
        Escalation.conversation_id == conversation.id, Escalation.state != EscalationState.CLOSED
    )
    call = session.scalar(calls.order_by(Escalation.id.desc()).limit(1).with_for_update())
    if call is not None and not service_clocks.is_running(session, call, ClockKind.FIRST_RESPONSE):
        _start_call(session, call, ClockKind.NEXT_RESPONSE, clock.now())


def clocks_of(session: Session, complaint_id: int) -> list[ClockView]:
    """Every clock of a case, in the order in which they were started."""
    own = select(ServiceClock).where(ServiceClock.complaint_id == complaint_id).order_by(ServiceClock.id)
    at = clock.now()
    return [service_clocks.view(each, at) for each in session.scalars(own)]


def clocks_of_calls(session: Session, escalation_ids: Collection[int]) -> dict[int, list[ClockView]]:
    """The clocks that have not ended, by number of the call; nearest first."""
    return _running(session, ServiceClock.escalation_id, escalation_ids)


def clocks_of_cases(session: Session, complaint_ids: Collection[int]) -> dict[int, list[ClockView]]:
    """The clocks that have not ended, by number of the complaint; nearest first."""
    return _running(session, ServiceClock.complaint_id, complaint_ids)


def _running(session: Session, column: object, ids: Collection[int]) -> dict[int, list[ClockView]]:
    at, found = clock.now(), dict[int, list[ClockView]]()
    of_calls = column is ServiceClock.escalation_id
    wanted = ServiceClock.escalation_id.in_(ids) if of_calls else ServiceClock.complaint_id.in_(ids)
    alive = select(ServiceClock).where(wanted, ServiceClock.stopped_at.is_(None)).order_by(ServiceClock.due_at)
    for each in session.scalars(alive):
        number = each.escalation_id if of_calls else each.complaint_id
        if number is not None:
            found.setdefault(number, []).append(service_clocks.view(each, at))
    return found


def _ask(session: Session, complaint: Complaint, at: datetime) -> None:
    """The customer waits for the next answer, unless they wait for the first."""
    if not service_clocks.is_running(session, complaint, ClockKind.FIRST_RESPONSE):
        next_response = _times(complaint)[ClockKind.NEXT_RESPONSE]
        service_clocks.start(session, complaint, ClockKind.NEXT_RESPONSE, next_response, at)


def _start_call(session: Session, escalation: Escalation, kind: ClockKind, at: datetime) -> None:
    times = levels().of_call(escalation.conversation.customer.tier)
    service_clocks.start(session, escalation, kind, times[kind], at)


def _cases_of(session: Session, conversation_id: int, staff: Staff) -> list[Complaint]:
    runs = tuple(state for state, pace in PACE.items() if pace is Pace.RUNS)
    mine = select(Complaint).where(
        Complaint.conversation_id == conversation_id, Complaint.owner_id == staff.id, Complaint.state.in_(runs)
    )
    locked = mine.order_by(Complaint.id).with_for_update().execution_options(populate_existing=True)
    return list(session.scalars(locked))


def _times(complaint: Complaint) -> Times:
    return levels().of_complaint(complaint.severity, complaint.customer.tier)
