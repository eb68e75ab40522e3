"""What a line of the inbox tells of a conversation; everything about a page of them in a few queries."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crm import service_levels
from crm.call_states import ALIVE
from crm.models.conversations import (
    Author,
    Conversation,
    Direction,
    Escalation,
    EscalationReason,
    EscalationState,
    Message,
)
from crm.models.inbox import ConversationRead, Mention
from crm.models.people import Customer, Tier
from crm.models.staff import Staff
from crm.service_levels import ClockView


@dataclass(frozen=True)
class LastWord:
    """The newest message. `attachment` is the kind of its first one ("photo", "voice", …), empty for none."""

    author: Author
    staff_name: str
    text: str
    attachment: str
    at: datetime


@dataclass(frozen=True)
class Call:
    """The call for a person. `holder_id` is None while nobody holds it. Times as on `Escalation`.

    `clock` is the nearest of those that run; what is left of it changes all the time, so it is not compared.
    """

    id: int
    reason: EscalationReason
    state: EscalationState
    note: str
    holder_id: int | None
    holder: str
    opened_at: datetime
    waiting_since: datetime | None
    due_at: datetime | None
    closed_at: datetime | None
    clock: ClockView | None = field(compare=False)


@dataclass(frozen=True)
class Line:
    """`unread`: the customer wrote since this person last looked. `mentioned`: a colleague called them by name."""

    conversation_id: int
    customer_id: int
    customer: str
    tier: Tier
    call: Call | None
    last: LastWord | None
    unread: bool
    mentioned: bool


@dataclass(frozen=True)
class Found:
    """The rows a line is made of; `holder` is the name that belongs to the call's `staff_id`."""

    conversation: Conversation
    customer: Customer
    call: Escalation | None
    holder: str


def lines(session: Session, found: Sequence[Found], staff_id: int) -> list[Line]:
    """The lines as `staff_id` sees them, in the order given."""
    ids = [each.conversation.id for each in found]
    words, unread, called = _last_words(session, ids), _unread(session, ids, staff_id), _called(session, ids, staff_id)
    clocks = service_levels.clocks_of_calls(session, [each.call.id for each in found if each.call is not None])
    return [
        Line(
            conversation_id=each.conversation.id,
            customer_id=each.customer.id,
            customer=each.customer.name,
            tier=each.customer.tier,
            call=_call(each, clocks),
            last=words.get(each.conversation.id),
            unread=each.conversation.id in unread,
            mentioned=each.conversation.id in called,
        )
        for each in found
    ]


def _call(found: Found, clocks: dict[int, list[ClockView]]) -> Call | None:
    call = found.call
    if call is None:
        return None
    return Call(
        id=call.id,
        reason=call.reason,
        state=call.state,
        note=call.note,
        holder_id=call.staff_id if call.state in ALIVE else None,
        holder=found.holder,
        opened_at=call.opened_at,
        waiting_since=call.waiting_since,
        due_at=call.due_at,
        closed_at=call.closed_at,
        clock=next((each for each in clocks.get(call.id, []) if not each.paused), None),
    )


def _last_words(session: Session, ids: Sequence[int]) -> dict[int, LastWord]:
    # The newest of each by its own walk from the end of the index: a group over all messages reads them all.
    newest = select(func.max(Message.id)).where(Message.conversation_id == Conversation.id)
    numbers = select(newest.correlate(Conversation).scalar_subquery()).where(Conversation.id.in_(ids))
    messages = select(Message, Staff.name).outerjoin(Staff, Staff.id == Message.staff_id)
    found = session.execute(messages.where(Message.id.in_([number for number in session.scalars(numbers) if number])))
    return {message.conversation_id: _last_word(message, name or "") for message, name in found}


def _last_word(message: Message, staff_name: str) -> LastWord:
    kinds = [str(item.get("kind", "")) for item in message.attachments]
    return LastWord(message.author, staff_name, message.text, kinds[0] if kinds else "", message.at)


def _unread(session: Session, ids: Sequence[int], staff_id: int) -> set[int]:
    newest = select(Message.id).where(Message.conversation_id == Conversation.id, Message.direction == Direction.IN)
    newest = newest.order_by(Message.id.desc()).limit(1)
    read = select(ConversationRead.message_id).where(
        ConversationRead.conversation_id == Conversation.id, ConversationRead.staff_id == staff_id
    )
    columns = (each.correlate(Conversation).scalar_subquery() for each in (newest, read))
    rows = session.execute(select(Conversation.id, *columns).where(Conversation.id.in_(ids)))
    return {number for number, said, looked in rows if (said or 0) > (looked or 0)}


def _called(session: Session, ids: Sequence[int], staff_id: int) -> set[int]:
    unseen = select(Mention.conversation_id).where(Mention.staff_id == staff_id, Mention.seen_at.is_(None))
    return set(session.scalars(unseen.where(Mention.conversation_id.in_(ids))))
