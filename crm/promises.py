"""Promises of an answer: each "we will answer by …" of the assistant or of a person is a row that is kept or broken."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from crm import audit, clock, service_targets, templates
from crm.business_calendar import calendar
from crm.errors import IllegalTransition, InvalidInput, NotFound
from crm.models.care import Complaint, Severity
from crm.models.conversations import Conversation
from crm.models.people import Tier
from crm.models.service import ClockKind, Promise, PromiseState
from crm.models.staff import Staff
from crm.service_targets import levels
from crm.shop import Shop

LONGEST_WORDS = 500
SAME_BREATH = timedelta(minutes=5)  # what a person says so soon after promising is not yet the promised answer
LEGAL = {
    PromiseState.OPEN: {PromiseState.KEPT, PromiseState.BROKEN, PromiseState.WITHDRAWN},
    PromiseState.KEPT: {PromiseState.OPEN},  # undone: it was not the answer after all
    PromiseState.WITHDRAWN: {PromiseState.OPEN},
    PromiseState.BROKEN: set[PromiseState](),
}


def answer_by(moment: datetime, severity: Severity, zone: ZoneInfo, shop: Shop, tier: Tier = Tier.NONE) -> datetime:
    """By when (UTC) a complaint reported at `moment` is answered; `zone` and `shop` are those of the settings."""
    return service_targets.answer_by(moment, severity, tier)


def is_staffed(moment: datetime, zone: ZoneInfo, shop: Shop) -> bool:
    """Whether people of the shop are there to answer at `moment`; `zone` and `shop` are those of the settings."""
    return calendar().is_open(moment)


def make(
    session: Session,
    conversation: Conversation,
    due_at: datetime,
    words: str,
    staff: Staff,
    complaint: Complaint | None = None,
) -> Promise:
    """A person promised the customer an answer by `due_at`; their message with it is the caller's to send.

    Raises:
        InvalidInput: `due_at` has passed, `words` is empty or too long, or the complaint is not this customer's.
    """
    words, at = words.strip(), clock.now()
    if due_at <= at:
        raise InvalidInput("due_at", "promise a time that lies in the future")
    if not 0 < len(words) <= LONGEST_WORDS:
        raise InvalidInput("words", f"say what is promised, in at most {LONGEST_WORDS} characters")
    if complaint is not None and complaint.customer_id != conversation.customer_id:
        raise InvalidInput("complaint", "not a complaint of this customer")
    promise = _add(session, conversation.customer_id, conversation.id, complaint, words, due_at, at, staff)
    audit.record(session, staff, "promise_made", "promise", promise.id, due_at=due_at.isoformat())
    return promise


def of_case(session: Session, complaint: Complaint, due: datetime, at: datetime) -> None:
    """What the assistant tells who complains, or complains again: the answer comes by `due` (UTC)."""
    complaint.promised_at = due
    words = templates.for_staff("promise_complaint", code=complaint.code)
    _add(session, complaint.customer_id, complaint.conversation_id, complaint, words, due, at, None)


def again(session: Session, complaint: Complaint, due: datetime, at: datetime) -> None:
    """The case goes on: whoever asks the assistant hears `due`, or what it said before and has not kept yet."""
    own = _locked(session, (Promise.complaint_id == complaint.id) & Promise.made_by_id.is_(None))
    if own:
        complaint.promised_at = min(promise.due_at for promise in own)
    else:
        of_case(session, complaint, due, at)


def at_opening(session: Session, conversation: Conversation) -> None:
    """What the assistant tells who asks for a person out of hours: an answer as soon as the shop opens."""
    if any(each.made_by_id is None and each.complaint_id is None for each in of_conversation(session, conversation.id)):
        return
    at = clock.now()
    first = levels().of_call(conversation.customer.tier)[ClockKind.FIRST_RESPONSE]
    words = templates.for_staff("promise_opening")
    due = calendar().due(calendar().next_open(at), first)
    _add(session, conversation.customer_id, conversation.id, None, words, due, at, None)


def settle(session: Session, promise: Promise, to: PromiseState, at: datetime, by: Staff | None = None) -> None:
    """The one function through which a promise changes state. `by` None: by itself. Raises IllegalTransition."""
    if to not in LEGAL[promise.state]:
        raise IllegalTransition(f"promise {promise.id}: {promise.state} -> {to}")
    promise.state = to
    if to is PromiseState.OPEN:
        promise.settled_at = promise.settled_by_id = None
        promise.notice_at = promise.due_at
    else:
        promise.settled_at, promise.settled_by_id, promise.notice_at = at, by.id if by else None, None


def keep(session: Session, promise_id: int, staff: Staff) -> Promise:
    """The promised answer is given now; too late, it is broken. Raises NotFound, IllegalTransition."""
    return _by_hand(session, promise_id, PromiseState.KEPT, staff)


def withdraw(session: Session, promise_id: int, staff: Staff) -> Promise:
    """The answer is not needed any more. Raises NotFound, IllegalTransition."""
    return _by_hand(session, promise_id, PromiseState.WITHDRAWN, staff)


def reopen(session: Session, promise_id: int, staff: Staff) -> Promise:
    """Undoes `keep` and `withdraw`. Raises NotFound, IllegalTransition."""
    return _by_hand(session, promise_id, PromiseState.OPEN, staff)


def case_answered(session: Session, complaint: Complaint, staff: Staff | None, at: datetime) -> None:
    """Keeps what was promised about the case."""
    for promise in _locked(session, Promise.complaint_id == complaint.id):
        if not _same_breath(promise, at):
            settle(session, promise, _verdict(promise, at), at, staff)


def case_resolved(session: Session, complaint: Complaint, staff: Staff | None, at: datetime) -> None:
    """Keeps whatever was promised about the case, also what was promised a moment ago."""
    for promise in _locked(session, Promise.complaint_id == complaint.id):
        settle(session, promise, _verdict(promise, at), at, staff)


def talk_answered(session: Session, conversation_id: int, staff: Staff, at: datetime, *, answers: bool = True) -> None:
    """A person wrote in the conversation: keeps what was promised there, except about cases.

    `answers` False: they promised an answer. That keeps the assistant's word that a person will write, no person's.
    """
    mine = (Promise.conversation_id == conversation_id) & Promise.complaint_id.is_(None)
    for promise in _locked(session, mine if answers else mine & Promise.made_by_id.is_(None)):
        if not _same_breath(promise, at):
            settle(session, promise, _verdict(promise, at), at, staff)


def case_dropped(session: Session, complaint: Complaint, at: datetime) -> None:
    """The case needs no answer of its own any more."""
    for promise in _locked(session, Promise.complaint_id == complaint.id):
        settle(session, promise, PromiseState.WITHDRAWN, at)


def person_unneeded(session: Session, conversation_id: int, at: datetime) -> None:
    """The customer called for a person and did not wait: the assistant's word that one will write is not needed."""
    of_talk = (Promise.conversation_id == conversation_id) & Promise.complaint_id.is_(None)
    for promise in _locked(session, of_talk & Promise.made_by_id.is_(None)):
        settle(session, promise, PromiseState.WITHDRAWN, at)


def hand_over(session: Session, was: Complaint, now: Complaint, only: Collection[int] | None = None) -> list[int]:
    """What is still to be kept about case `was` is kept by answering case `now`, no later; the promises' numbers.

    Args:
        only: these promises; None: all of them.
    """
    mine = Promise.complaint_id == was.id
    moved = _locked(session, mine if only is None else mine & Promise.id.in_(only))
    due = [promise.due_at for promise in moved]
    if nearest(session, now) is not None:
        due.append(now.promised_at)
    for promise in moved:
        promise.complaint_id = now.id
    session.flush()
    now.promised_at = min(due, default=now.promised_at)
    return [promise.id for promise in moved]


def nearest(session: Session, complaint: Complaint) -> datetime | None:
    """When the first of what is still to be kept about the case is due."""
    still_open = (Promise.complaint_id == complaint.id, Promise.state == PromiseState.OPEN)
    return session.scalar(select(func.min(Promise.due_at)).where(*still_open))


def bring_forward(session: Session, complaint: Complaint, due_at: datetime) -> None:
    """The assistant's promise about the case falls due sooner: it became graver."""
    for promise in _locked(session, (Promise.complaint_id == complaint.id) & Promise.made_by_id.is_(None)):
        promise.due_at = min(promise.due_at, due_at)
        promise.notice_at = notice_time(promise.created_at, promise.due_at)


def of_conversation(session: Session, conversation_id: int) -> list[Promise]:
    """What is still open in the conversation, the nearest first."""
    mine = select(Promise).where(Promise.conversation_id == conversation_id, Promise.state == PromiseState.OPEN)
    return list(session.scalars(mine.order_by(Promise.due_at)))


def notice_time(created_at: datetime, due_at: datetime) -> datetime:
    """When the customer would be told that it takes longer; never within the first half of the promised time."""
    return due_at - min(levels().tell_before, max(due_at - created_at, timedelta(0)) / 2)


def _add(
    session: Session,
    customer_id: int,
    conversation_id: int | None,
    complaint: Complaint | None,
    words: str,
    due_at: datetime,
    at: datetime,
    staff: Staff | None,
) -> Promise:
    promise = Promise(
        customer_id=customer_id,
        conversation_id=conversation_id,
        complaint_id=complaint.id if complaint else None,
        made_by_id=staff.id if staff else None,
        words=words,
        state=PromiseState.OPEN,
        first_due_at=due_at,
        due_at=due_at,
        notice_at=notice_time(at, due_at),
        created_at=at,
    )
    session.add(promise)
    session.flush()
    return promise


def _by_hand(session: Session, promise_id: int, to: PromiseState, staff: Staff) -> Promise:
    promise = session.scalar(select(Promise).where(Promise.id == promise_id).with_for_update())
    if promise is None:
        raise NotFound(f"promise {promise_id}")
    at = clock.now()
    settle(session, promise, _verdict(promise, at) if to is PromiseState.KEPT else to, at, staff)
    audit.record(session, staff, f"promise_{promise.state.value}", "promise", promise.id)
    return promise


def _locked(session: Session, whose: ColumnElement[bool]) -> Sequence[Promise]:
    still_open = select(Promise).where(whose, Promise.state == PromiseState.OPEN).order_by(Promise.id)
    return session.scalars(still_open.with_for_update().execution_options(populate_existing=True)).all()


def _verdict(promise: Promise, at: datetime) -> PromiseState:
    return PromiseState.KEPT if at <= promise.due_at else PromiseState.BROKEN


def _same_breath(promise: Promise, at: datetime) -> bool:
    return promise.made_by_id is not None and at - promise.created_at < SAME_BREATH
