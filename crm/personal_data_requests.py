"""What people ask about their own data: received, taken up, done or refused with a reason, each with its last day.

The law behind it: Personal Data Protection Law 91/2025 and Decree 356/2025, in force since 2026-01-01. How many days
it gives are settings (`privacy_days`, `privacy_erase_days`); docs/adr/0015-personal-data.md says how sure we are.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import Session, joinedload

from crm import audit, clock, complaints, consents, outbox, staff_notices, templates
from crm.errors import IllegalTransition, InvalidInput, NotFound
from crm.models.care import Complaint
from crm.models.messaging import OutboxKind
from crm.models.people import ChannelAccount, Customer, Purpose
from crm.models.privacy import PrivacyRequest, RequestKind, RequestState
from crm.models.service import NoticeKind
from crm.models.staff import Staff
from crm.outbox import Content
from crm.settings import settings
from crm.words import words

OPEN = (RequestState.RECEIVED, RequestState.IN_PROGRESS)
LEGAL: dict[RequestState, frozenset[RequestState]] = {
    RequestState.RECEIVED: frozenset({RequestState.IN_PROGRESS, RequestState.DONE, RequestState.REFUSED}),
    RequestState.IN_PROGRESS: frozenset({RequestState.DONE, RequestState.REFUSED}),
    RequestState.REFUSED: frozenset({RequestState.IN_PROGRESS}),
    RequestState.DONE: frozenset(),
}
CHAT = "telegram"
AGAIN = timedelta(days=1)
PURPOSES = (Purpose.MARKETING, Purpose.GREETINGS)


def receive(
    session: Session,
    customer_id: int,
    kind: RequestKind,
    *,
    channel: str,
    said: str = "",
    account_id: int | None = None,
    staff: Staff | None = None,
) -> PrivacyRequest:
    """Notes the request with its last day; one of the same kind that is still open is returned instead."""
    same = select(PrivacyRequest).where(PrivacyRequest.customer_id == customer_id, PrivacyRequest.kind == kind)
    open_one = session.scalar(same.where(PrivacyRequest.state.in_(OPEN)).limit(1))
    if open_one is not None:
        return open_one
    moment = clock.now()
    request = PrivacyRequest(
        customer_id=customer_id,
        account_id=account_id,
        kind=kind,
        state=RequestState.RECEIVED,
        channel=channel,
        said=said[:2000],
        received_at=moment,
        due_at=moment + timedelta(days=_days(kind)),
    )
    session.add(request)
    session.flush()
    audit.record(session, staff, "privacy_received", "privacy_request", request.id, kind=kind.value, channel=channel)
    _tell(session, request, "received")
    return request


def get(session: Session, request_id: int) -> PrivacyRequest:
    """The request with its customer; raises NotFound."""
    wanted = select(PrivacyRequest).where(PrivacyRequest.id == request_id)
    # An inner join: what is loaded so is refreshed so, and PostgreSQL locks no rows of an outer one.
    found = session.scalar(wanted.options(joinedload(PrivacyRequest.customer, innerjoin=True)))
    if found is None:
        raise NotFound(f"privacy request {request_id}")
    return found


def move(session: Session, request: PrivacyRequest, to: RequestState, staff: Staff | None, reason: str = "") -> None:
    """The one function through which a request changes state.

    Raises:
        IllegalTransition: the life of a request does not allow it.
        InvalidInput: it is refused without a reason, which the customer must be given.
    """
    session.flush()
    session.refresh(request, with_for_update=True)  # of two people who press at once the second sees the first's step
    if to not in LEGAL[request.state]:
        raise IllegalTransition(f"privacy request {request.id}: {request.state} -> {to}")
    if to is RequestState.REFUSED and not reason.strip():
        raise InvalidInput("reason", "say why; the customer reads it")
    request.state, request.reason = to, reason.strip()
    request.staff_id = staff.id if staff else request.staff_id
    request.closed_at = None if to in OPEN else clock.now()
    audit.record(session, staff, f"privacy_{to.value}", "privacy_request", request.id, kind=request.kind.value)
    session.flush()


def refuse(session: Session, request: PrivacyRequest, staff: Staff, reason: str) -> None:
    """Refuses it and tells the customer why. Raises IllegalTransition, InvalidInput."""
    move(session, request, RequestState.REFUSED, staff, reason)
    answer(session, request, "privacy_refused", staff, said=reason.strip())


def corrected(session: Session, request: PrivacyRequest, staff: Staff) -> None:
    """The record was put right: the request is done, and the customer is told."""
    move(session, request, RequestState.DONE, staff)
    answer(session, request, "privacy_corrected", staff)


def withdraw(session: Session, request: PrivacyRequest, staff: Staff | None) -> None:
    """Withdraws every consent and tells the customer the moment from which it holds."""
    for purpose in PURPOSES:
        consents.record(session, request.customer_id, purpose, granted=False, channel=request.channel)
    move(session, request, RequestState.DONE, staff)
    answer(session, request, "privacy_withdrawn", staff, time=clock.vietnamese_moment(clock.now(), settings().zone))


def answer(
    session: Session, request: PrivacyRequest, key: str, staff: Staff | None, document: str | None = None, **said: str
) -> bool:
    """Tells the customer what became of it; whether there is a chat to tell them in. Once for each outcome."""
    account = _account(session, request)
    if account is None:
        return False
    content = Content(
        templates.message(key, request.customer, **said),
        document=document,
        file_name=words("privacy")["file_name"] if document else "",
    )
    name = f"privacy:{request.id}:{key}:{int(clock.now().timestamp()) if document else request.state.value}"
    outbox.enqueue(
        session, account, content, kind=OutboxKind.CARE, staff_id=staff.id if staff else None, dedupe_key=name
    )
    return True


def listing(session: Session, *, still_open: bool, after: int = 0, limit: int = 50) -> list[PrivacyRequest]:
    """Open ones by their last day; else the closed ones, newest first, below the number `after`."""
    wanted = select(PrivacyRequest).options(joinedload(PrivacyRequest.customer)).limit(limit)
    if still_open:
        return list(session.scalars(wanted.where(PrivacyRequest.state.in_(OPEN)).order_by(PrivacyRequest.due_at)))
    closed = wanted.where(PrivacyRequest.state.not_in(OPEN)).order_by(PrivacyRequest.id.desc())
    return list(session.scalars(closed.where(PrivacyRequest.id < after) if after else closed))


def of_customer(session: Session, customer_id: int) -> Sequence[PrivacyRequest]:
    """The customer's requests, newest first."""
    mine = select(PrivacyRequest).where(PrivacyRequest.customer_id == customer_id)
    return session.scalars(mine.order_by(PrivacyRequest.id.desc())).all()


def count_open(session: Session) -> int:
    """How many wait for their answer."""
    return session.scalar(select(func.count()).where(PrivacyRequest.state.in_(OPEN))) or 0


def remind(session: Session, moment: datetime) -> int:
    """Tells the staff, once a day, of open requests whose last day is near or over; how many requests."""
    near = moment + timedelta(days=settings().privacy_remind_days)
    told = (PrivacyRequest.reminded_at.is_(None)) | (PrivacyRequest.reminded_at <= moment - AGAIN)
    due = select(PrivacyRequest).where(PrivacyRequest.state.in_(OPEN), PrivacyRequest.due_at <= near, told)
    found = list(session.scalars(due.order_by(PrivacyRequest.due_at).limit(50).with_for_update()))
    for request in found:
        request.reminded_at = moment
        _tell(session, request, "overdue" if request.due_at <= moment else "near")
    session.flush()
    return len(found)


def erasures_due(session: Session, moment: datetime) -> list[int]:
    """Customers who confirmed in their chat that they want to be erased, whose last day has come, and nothing holds.

    Somebody of the staff should have done it; the deadline is kept without them.
    """
    if not settings().privacy_erase_by_itself:
        return []
    last_day = (PrivacyRequest.kind == RequestKind.ERASE, PrivacyRequest.due_at <= moment + AGAIN)
    confirmed = (PrivacyRequest.channel == CHAT, PrivacyRequest.state.in_(OPEN))
    held = select(Complaint.id).where(Complaint.customer_id == PrivacyRequest.customer_id)
    free = ~exists(held.where(Complaint.state.in_(complaints.OPEN_STATES)))
    due = select(PrivacyRequest.customer_id).where(*last_day, *confirmed, free).order_by(PrivacyRequest.due_at)
    return list(session.scalars(due.limit(20)))


def settle_erased(session: Session, customer_id: int, staff: Staff | None) -> None:
    """After an erasure: its request is done, and whatever else the person had asked has no object any more."""
    mine: Select[Any] = select(PrivacyRequest).where(PrivacyRequest.customer_id == customer_id)
    for request in session.scalars(mine.where(PrivacyRequest.state.in_(OPEN))):
        move(session, request, RequestState.DONE, staff)


def _days(kind: RequestKind) -> int:
    return settings().privacy_erase_days if kind is RequestKind.ERASE else settings().privacy_days


def _account(session: Session, request: PrivacyRequest) -> ChannelAccount | None:
    if request.account_id is not None:
        return session.get(ChannelAccount, request.account_id)
    newest = select(ChannelAccount).where(ChannelAccount.customer_id == request.customer_id)
    return session.scalar(newest.order_by(ChannelAccount.id.desc()).limit(1))


def _tell(session: Session, request: PrivacyRequest, what: str) -> None:
    customer = session.get_one(Customer, request.customer_id)
    texts = words("privacy")
    sentence = texts["notices"][what].format(
        kind=texts["kinds"][request.kind.value],
        name=customer.name or texts["no_name"],
        day=clock.local(request.due_at, settings().zone).strftime("%d/%m/%Y"),
    )
    staff_notices.tell(
        session,
        {*staff_notices.leads(session), *staff_notices.managers(session)},
        NoticeKind.GENERAL,
        key=f"privacy:{request.id}:{what}:{clock.now():%Y%m%d}",
        target=f"/privacy?about={request.id}",
        customer_id=request.customer_id,
        text=sentence,
    )
