"""Replies written now and sent later. The row knows when; the scheduler asks the rows. Every change is here."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import Session, joinedload

from crm import audit, availability, canned, case_owners, clock, escalations, outbox, staff_notices, text
from crm.errors import AlreadyHeld, IllegalTransition, InvalidInput, NotFound
from crm.models.conversations import Author, Conversation, Direction, Escalation, EscalationState, Message
from crm.models.messaging import OutboxKind
from crm.models.service import NoticeKind
from crm.models.staff import Staff
from crm.models.talk import CancelReason, ReplyState, ScheduledReply
from crm.outbox import Content

LONGEST = 4000
FURTHEST = timedelta(days=90)
BATCH = 50
_NOTICES = {
    CancelReason.CUSTOMER_WROTE: NoticeKind.REPLY_OVERTAKEN,
    CancelReason.HOLD_ENDED: NoticeKind.REPLY_UNHELD,
}


def plan(
    session: Session, conversation_id: int, staff: Staff, words: str, send_at: datetime, *, if_quiet: bool = True
) -> ScheduledReply:
    """Puts a reply down for `send_at`. Raises AlreadyHeld unless `staff` holds the conversation, and InvalidInput.

    Args:
        if_quiet: cancel it when the customer writes before, or the conversation is not `staff`'s any more.
    """
    _check_hold(session, conversation_id, staff)
    words = _checked(words, send_at)
    newest = select(func.max(Message.id)).where(Message.conversation_id == conversation_id)
    planned = ScheduledReply(
        conversation_id=conversation_id,
        staff_id=staff.id,
        text=words,
        send_at=send_at,
        if_quiet=if_quiet,
        after_id=session.scalar(newest) or 0,
        created_at=clock.now(),
    )
    session.add(planned)
    session.flush()
    audit.record(session, staff, "plan_reply", "scheduled_reply", planned.id, conversation=conversation_id)
    return planned


def change(
    session: Session, planned_id: int, staff: Staff, words: str, send_at: datetime, *, if_quiet: bool
) -> ScheduledReply:
    """Rewrites a reply that still waits; what the customer wrote until now does not cancel it.

    Raises IllegalTransition once it is sent or cancelled, AlreadyHeld for a colleague's, InvalidInput.
    """
    planned = _waiting(session, planned_id)
    if planned.staff_id != staff.id:
        raise AlreadyHeld(f"scheduled reply {planned_id} is staff {planned.staff_id}'s")
    planned.text, planned.send_at, planned.if_quiet = _checked(words, send_at), send_at, if_quiet
    newest = select(func.max(Message.id)).where(Message.conversation_id == planned.conversation_id)
    planned.after_id = session.scalar(newest) or 0
    planned.version += 1
    audit.record(session, staff, "change_planned_reply", "scheduled_reply", planned.id)
    return planned


def cancel(session: Session, planned_id: int, staff: Staff) -> None:
    """Takes a reply back that still waits: its writer may, and whoever holds the conversation now."""
    planned = _waiting(session, planned_id)
    if planned.staff_id != staff.id:
        _check_hold(session, planned.conversation_id, staff)
    _end(session, planned, ReplyState.CANCELLED, CancelReason.BY_STAFF)
    audit.record(session, staff, "cancel_planned_reply", "scheduled_reply", planned.id)


def waiting(session: Session, conversation_id: int) -> Sequence[ScheduledReply]:
    """What will still be sent, soonest first."""
    mine = select(ScheduledReply).where(
        ScheduledReply.conversation_id == conversation_id, ScheduledReply.state == ReplyState.WAITING
    )
    return session.scalars(mine.options(joinedload(ScheduledReply.staff)).order_by(ScheduledReply.send_at)).all()


def is_any_due(session: Session, moment: datetime) -> bool:
    """Whether `settle` would find something to do. Only reads."""
    return bool(_to_settle(session, moment, 1))


def settle(session: Session, moment: datetime, limit: int = BATCH) -> int:
    """Sends what is due and cancels what has lost its sense; returns how many rows changed."""
    found = _to_settle(session, moment, limit)
    locked = select(ScheduledReply).where(ScheduledReply.id.in_(found), ScheduledReply.state == ReplyState.WAITING)
    rows = session.scalars(locked.order_by(ScheduledReply.id).with_for_update(skip_locked=True)).all()
    for planned in rows:
        _settle_one(session, planned, moment)
    session.flush()
    return len(rows)


def cancel_all(session: Session, reason: CancelReason) -> int:
    """Ends every waiting reply without a notice: after a restore nobody knows which of them went out."""
    rows = session.scalars(select(ScheduledReply).where(ScheduledReply.state == ReplyState.WAITING)).all()
    for planned in rows:
        _end(session, planned, ReplyState.CANCELLED, reason)
    return len(rows)


def _to_settle(session: Session, moment: datetime, limit: int) -> list[int]:
    """Numbers of waiting replies that are due or were overtaken. The waiting ones are few, and have an index."""
    lost = or_(~_writer_cares(), and_(ScheduledReply.if_quiet, or_(_customer_wrote(), ~_still_held())))
    found = select(ScheduledReply.id).where(
        ScheduledReply.state == ReplyState.WAITING, or_(ScheduledReply.send_at <= moment, lost)
    )
    return list(session.scalars(found.order_by(ScheduledReply.send_at).limit(limit)))


def _writer_cares() -> ColumnElement[bool]:
    there = Staff.active.is_(True), Staff.role.in_(availability.CARERS)
    return exists(select(Staff.id).where(Staff.id == ScheduledReply.staff_id, *there))


def _customer_wrote() -> ColumnElement[bool]:
    return exists(
        select(Message.id).where(
            Message.conversation_id == ScheduledReply.conversation_id,
            Message.direction == Direction.IN,
            Message.id > ScheduledReply.after_id,
        )
    )


def _still_held() -> ColumnElement[bool]:
    return exists(
        select(Escalation.id).where(
            Escalation.conversation_id == ScheduledReply.conversation_id,
            Escalation.state == EscalationState.CLAIMED,
            Escalation.staff_id == ScheduledReply.staff_id,
        )
    )


def _settle_one(session: Session, planned: ScheduledReply, moment: datetime) -> None:
    reason = _overtaken(session, planned)
    if reason is not None:
        _end(session, planned, ReplyState.CANCELLED, reason)
        _tell(session, planned)
    elif planned.send_at <= moment:
        _send(session, planned)


def _overtaken(session: Session, planned: ScheduledReply) -> CancelReason | None:
    """Why the reply should not be sent any more; None while it should."""
    if not availability.may_hold(planned.staff):
        return CancelReason.HOLD_ENDED
    if not planned.if_quiet:
        return None
    this = select(_customer_wrote(), _still_held()).select_from(ScheduledReply).where(ScheduledReply.id == planned.id)
    wrote, held = session.execute(this).one()
    if wrote:
        return CancelReason.CUSTOMER_WROTE
    return None if held else CancelReason.HOLD_ENDED


def _send(session: Session, planned: ScheduledReply) -> None:
    held = escalations.current(session, planned.conversation_id)
    key = f"scheduled:{planned.id}"
    if held is not None and held.staff_id == planned.staff_id:
        escalations.say(session, held.id, planned.staff, Content(planned.text), dedupe_key=key)
    else:
        conversation = session.get_one(Conversation, planned.conversation_id)
        outbox.enqueue(
            session,
            conversation.account,
            Content(planned.text),
            kind=OutboxKind.REPLY,
            author=Author.STAFF,
            staff_id=planned.staff_id,
            dedupe_key=key,
        )
    _end(session, planned, ReplyState.SENT, None)


def _end(session: Session, planned: ScheduledReply, state: ReplyState, reason: CancelReason | None) -> None:
    """The one change of state there is: from WAITING to an end."""
    if planned.state is not ReplyState.WAITING:
        raise IllegalTransition(f"scheduled reply {planned.id} is {planned.state.value}")
    planned.state, planned.reason, planned.settled_at = state, reason, clock.now()
    planned.version += 1


def _tell(session: Session, planned: ScheduledReply) -> None:
    assert planned.reason is not None
    staff_notices.tell(
        session,
        case_owners.who_hears(session, [planned.staff_id]),
        _NOTICES[planned.reason],
        key=f"planned:{planned.id}",
        target=f"/conversations/{planned.conversation_id}",
        customer_id=planned.conversation.customer_id,
        name=planned.conversation.customer.name,
    )


def _checked(words: str, send_at: datetime) -> str:
    words = text.clean(words)
    if not 1 <= len(words) <= LONGEST:
        raise InvalidInput("reply", f"1 to {LONGEST} characters")
    canned.refuse_holes(words)
    if not clock.now() < send_at <= clock.now() + FURTHEST:
        raise InvalidInput("send_at", f"in the future, within {FURTHEST.days} days")
    return words


def _check_hold(session: Session, conversation_id: int, staff: Staff) -> None:
    held = escalations.current(session, conversation_id)
    if held is None or held.staff_id != staff.id:
        raise AlreadyHeld(f"conversation {conversation_id} is not held by staff {staff.id}")


def _waiting(session: Session, planned_id: int) -> ScheduledReply:
    found = select(ScheduledReply).where(ScheduledReply.id == planned_id).with_for_update(of=ScheduledReply)
    planned = session.scalar(found)
    if planned is None:
        raise NotFound(f"scheduled reply {planned_id}")
    if planned.state is not ReplyState.WAITING:
        raise IllegalTransition(f"scheduled reply {planned_id} is {planned.state.value}")
    return planned
