"""What the scheduler does about promises: the customer hears of a later time before one is broken, staff at once."""

from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from crm import case_owners, clock, outbox, promises, service_watch, staff_notices, templates
from crm.business_calendar import calendar
from crm.models.care import Complaint
from crm.models.conversations import Conversation, Escalation, EscalationState
from crm.models.messaging import OutboxKind
from crm.models.people import ChannelAccount, Customer
from crm.models.service import NoticeKind, Promise, PromiseState
from crm.outbox import Content
from crm.service_targets import levels
from crm.service_watch import About
from crm.settings import settings

BATCH = 50
_AFTER = timedelta(seconds=1)  # a promise is broken after its time, not at it


def look_after(session: Session, now: datetime) -> int:
    """Postpones, with a word to the customer, or breaks what is due, BATCH promises at the most; how many it did."""
    waiting = select(Promise).where(Promise.notice_at <= now).order_by(Promise.notice_at).limit(BATCH)
    found = session.scalars(waiting.with_for_update(skip_locked=True)).all()
    return sum(_look_at(session, promise, now) for promise in found)


def tell_no_more(session: Session, moment: datetime) -> None:
    """After a restore: customers may have been told since the backup was made, and are not told again."""
    silent = update(Promise).where(Promise.state == PromiseState.OPEN, Promise.told_at.is_(None))
    session.execute(silent.values(told_at=moment, notice_at=Promise.due_at))


def _look_at(session: Session, promise: Promise, now: datetime) -> bool:
    """False when somebody is at work on the promise's case at this moment: the next waking comes soon."""
    complaint = None
    if promise.complaint_id is not None:
        # Others lock the case before its promises; waiting for it here would be a deadlock.
        own = select(Complaint).where(Complaint.id == promise.complaint_id)
        complaint = session.scalar(own.with_for_update(skip_locked=True).execution_options(populate_existing=True))
        if complaint is None:
            return False
    if now > promise.due_at:
        _break(session, promise, now)
    elif promise.told_at is None:
        _postpone(session, promise, complaint, now)
    else:
        promise.notice_at = promise.due_at + _AFTER
    return True


def _postpone(session: Session, promise: Promise, complaint: Complaint | None, now: datetime) -> None:
    """Tells the customer, once, by when they will be answered instead."""
    before, promise.due_at = promise.due_at, calendar().due(promise.due_at, levels().postpone_by)
    promise.told_at, promise.notice_at = now, promise.due_at + _AFTER
    if complaint is not None and complaint.promised_at < promise.due_at:
        complaint.promised_at = promise.due_at
    _tell_customer(session, promise, before)
    about = _about(session, promise)
    _tell_staff(session, promise, about, NoticeKind.PROMISE_NEAR, _who_cares(session, promise, about))


def _break(session: Session, promise: Promise, now: datetime) -> None:
    promises.settle(session, promise, PromiseState.BROKEN, now)
    about = _about(session, promise)
    people = {*_who_cares(session, promise, about), *staff_notices.leads(session)}
    _tell_staff(session, promise, about, NoticeKind.PROMISE_BROKEN, sorted(people))


def _tell_customer(session: Session, promise: Promise, before: datetime) -> None:
    account, customer = _account(session, promise), session.get_one(Customer, promise.customer_id)
    if account is None:
        return
    zone = settings().zone
    key = "promise_postponed_case" if promise.complaint_id else "promise_postponed"
    complaint = session.get(Complaint, promise.complaint_id) if promise.complaint_id else None
    text = templates.message(
        key,
        customer,
        code=complaint.code if complaint else "",
        before=clock.vietnamese_moment(before, zone),
        time=clock.vietnamese_moment(promise.due_at, zone),
    )
    name = f"promise_postponed:{promise.id}"
    outbox.enqueue(session, account, Content(text), kind=OutboxKind.CARE, dedupe_key=name)


def _account(session: Session, promise: Promise) -> ChannelAccount | None:
    if promise.conversation_id is not None:
        return session.get_one(Conversation, promise.conversation_id).account
    newest = select(ChannelAccount).where(ChannelAccount.customer_id == promise.customer_id)
    return session.scalar(newest.order_by(ChannelAccount.id.desc()).limit(1))


def _about(session: Session, promise: Promise) -> About:
    case = service_watch.of_case(session, promise.complaint_id) if promise.complaint_id else None
    if case is not None:
        return case
    conversation = session.get_one(Conversation, promise.conversation_id)
    holder = select(Escalation.staff_id).where(
        Escalation.conversation_id == conversation.id, Escalation.state == EscalationState.CLAIMED
    )
    return service_watch.of_talk(conversation, session.scalar(holder.limit(1)))


def _who_cares(session: Session, promise: Promise, about: About) -> list[int]:
    """Who made the promise, and who has it in hand now; the leads where neither is there any more."""
    return case_owners.who_hears(session, (promise.made_by_id, about.holder_id))


def _tell_staff(session: Session, promise: Promise, about: About, kind: NoticeKind, people: list[int]) -> None:
    words = {
        **about.words,
        "due": clock.vietnamese_moment(promise.due_at, settings().zone),
        "due_at": promise.due_at.isoformat(),
    }
    key = f"promise:{promise.id}:{kind.value}"
    staff_notices.tell(session, people, kind, key=key, target=about.target, customer_id=about.customer_id, **words)
