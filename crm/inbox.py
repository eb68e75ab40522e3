"""The inbox: conversations that wait for people or were with them, by queue, in their order, page by page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, case, func, literal, select, tuple_
from sqlalchemy.orm import Session

from crm import call_order, clock, inbox_lines
from crm.call_states import ALIVE
from crm.inbox_lines import Line
from crm.models.base import UtcDateTime
from crm.models.conversations import (
    Conversation,
    Direction,
    Escalation,
    EscalationReason,
    EscalationState,
    Message,
)
from crm.models.inbox import ConversationRead
from crm.models.people import Customer, Tier
from crm.models.staff import Staff
from crm.reads import mention as mention
from crm.reads import mentioned
from crm.reads import seen as seen
from crm.settings import settings

PAGE = 50
MOST_FOR_ONE = 500  # what waits for one person is looked up by number; nobody has more


class Queue(StrEnum):
    """FOR_ME: the customer waits for me, or a colleague called me by name. RESOLVED: handed back, newest first."""

    FOR_ME = "for_me"
    UNASSIGNED = "unassigned"
    MINE = "mine"
    ALL = "all"
    RESOLVED = "resolved"


@dataclass(frozen=True)
class Filters:
    """What narrows a queue; None and False narrow nothing. `since`: a local day on which it began, or was resolved."""

    reason: EscalationReason | None = None
    tier: Tier | None = None
    holder_id: int | None = None
    unread: bool = False
    since: date | None = None


@dataclass(frozen=True)
class Page:
    """`after` is the key of the next page, None on the last one."""

    lines: list[Line]
    after: str | None


@dataclass(frozen=True)
class Signal:
    """A call: who holds it (None: nobody), whether the customer waits, and the number of their newest message."""

    call_id: int
    holder_id: int | None
    waits: bool
    newest: int


@dataclass(frozen=True)
class Counts:
    """How many conversations each queue holds; `resolved` counts those of today."""

    for_me: int
    unassigned: int
    mine: int
    all: int
    resolved: int

    def of(self, queue: Queue) -> int:
        """The number of one queue."""
        number: int = getattr(self, queue.value)
        return number


def page(
    session: Session, staff_id: int, queue: Queue, filters: Filters = Filters(), after: str = "", limit: int = PAGE
) -> Page:
    """One page of a queue as `staff_id` sees it, in at most five queries.

    Args:
        after: `Page.after` of the page before; one that cannot be read begins anew.
    """
    keys = _keys(queue)
    wanted = _of(session, staff_id, queue).where(*_narrowed(filters, queue, staff_id)).add_columns(*keys)
    if (last := _read_key(after, len(keys))) is not None:
        here, there = tuple_(*keys), tuple_(*(_typed(value) for value in last))
        wanted = wanted.where(here < there if queue is Queue.RESOLVED else here > there)
    ordered = wanted.order_by(*(key.desc() for key in keys) if queue is Queue.RESOLVED else keys)
    rows = session.execute(ordered.limit(limit + 1)).all()
    found = [inbox_lines.Found(row[0], row[1], row[2], row[3] or "") for row in rows[:limit]]
    more = _write_key(rows[limit - 1], len(keys)) if len(rows) > limit else None
    return Page(inbox_lines.lines(session, found, staff_id), more)


def signals(session: Session) -> list[Signal]:
    """Every call that is not closed, as little of it as tells a screen whether something is new."""
    said = select(Message.id).where(
        Message.conversation_id == Escalation.conversation_id, Message.direction == Direction.IN
    )
    said = said.order_by(Message.id.desc()).limit(1)  # not max(): SQLite would read the whole conversation for it
    known = (Escalation.id, Escalation.state, Escalation.staff_id, Escalation.waiting_since)
    rows = session.execute(
        select(*known, said.correlate(Escalation).scalar_subquery()).where(Escalation.state.in_(ALIVE))
    )
    return [
        Signal(number, staff_id if state is EscalationState.CLAIMED else None, since is not None, newest or 0)
        for number, state, staff_id, since, newest in rows
    ]


def counts(session: Session, staff_id: int) -> Counts:
    """How many conversations each queue holds for this person, unfiltered."""
    mine = and_(Escalation.state == EscalationState.CLAIMED, Escalation.staff_id == staff_id)
    free = Escalation.state == EscalationState.OPEN
    alive = select(_number_of(free), _number_of(mine), func.count()).where(Escalation.state.in_(ALIVE))
    unassigned, own, every = session.execute(alive).one()
    today = clock.at_local(clock.local(clock.now(), settings().zone).date(), 0, settings().zone)
    resolved = select(func.count()).where(Escalation.closed_at >= today)
    return Counts(len(_waiting_for(session, staff_id)), unassigned, own, every, session.scalar(resolved) or 0)


def _number_of(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def _of(session: Session, staff_id: int, queue: Queue) -> Select[*tuple[Any, ...]]:
    whole: Select[*tuple[Any, ...]]
    whole = select(Conversation, Customer, Escalation, Staff.name).select_from(Conversation)
    joined = whole.join(Customer, Customer.id == Conversation.customer_id)
    alive = and_(Escalation.conversation_id == Conversation.id, Escalation.state.in_(ALIVE))
    held_by_me = (Escalation.state == EscalationState.CLAIMED, Escalation.staff_id == staff_id)
    match queue:
        case Queue.FOR_ME:
            joined = joined.outerjoin(Escalation, alive).where(Conversation.id.in_(_waiting_for(session, staff_id)))
        case Queue.RESOLVED:
            joined = joined.join(Escalation, Escalation.conversation_id == Conversation.id)
            joined = joined.where(Escalation.closed_at.is_not(None), ~_called_again())
        case Queue.UNASSIGNED:
            joined = joined.join(Escalation, alive).where(Escalation.state == EscalationState.OPEN)
        case Queue.MINE:
            joined = joined.join(Escalation, alive).where(*held_by_me)
        case Queue.ALL:
            joined = joined.join(Escalation, alive)
    return joined.outerjoin(Staff, Staff.id == Escalation.staff_id)


def _waiting_for(session: Session, staff_id: int) -> set[int]:
    """Numbers of the conversations in which this person is waited for."""
    held = select(Escalation.conversation_id).where(
        Escalation.state == EscalationState.CLAIMED,
        Escalation.staff_id == staff_id,
        Escalation.waiting_since.is_not(None),
    )
    return {*session.scalars(held.limit(MOST_FOR_ONE)), *mentioned(session, staff_id, MOST_FOR_ONE)}


@cache
def _called_again() -> ColumnElement[bool]:
    """Whether the conversation has a later call: then that one tells where it stands. Built once, as any alias."""
    later = Escalation.__table__.alias("later")
    same = select(later.c.id).where(later.c.conversation_id == Escalation.conversation_id, later.c.id > Escalation.id)
    return same.exists()


def _narrowed(filters: Filters, queue: Queue, staff_id: int) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if filters.reason is not None:
        conditions.append(Escalation.reason == filters.reason)
    if filters.tier is not None:
        conditions.append(Customer.tier == filters.tier)
    if filters.holder_id is not None:
        conditions.append(Escalation.staff_id == filters.holder_id)
    if filters.since is not None:
        began = Escalation.closed_at if queue is Queue.RESOLVED else Escalation.opened_at
        conditions.append(began >= clock.at_local(filters.since, 0, settings().zone))
    if filters.unread:
        conditions.append(_unread_by(staff_id))
    return conditions


def _unread_by(staff_id: int) -> ColumnElement[bool]:
    read = select(ConversationRead.message_id).where(
        ConversationRead.conversation_id == Conversation.id, ConversationRead.staff_id == staff_id
    )
    newer = select(Message.id).where(
        Message.conversation_id == Conversation.id,
        Message.direction == Direction.IN,
        Message.id > func.coalesce(read.correlate(Conversation).scalar_subquery(), 0),
    )
    return newer.correlate(Conversation).exists()


def _keys(queue: Queue) -> list[Any]:
    return [Escalation.closed_at, Escalation.id] if queue is Queue.RESOLVED else call_order.order()


def _write_key(row: Row[Any], length: int) -> str:
    return "~".join(value.isoformat() if isinstance(value, datetime) else str(value) for value in row[-length:])


def _read_key(words: str, length: int) -> Sequence[datetime | int] | None:
    parts = words.split("~")
    try:
        values = [datetime.fromisoformat(part) if "T" in part else int(part) for part in parts]
    except ValueError:
        return None
    aware = all(value.tzinfo is not None for value in values if isinstance(value, datetime))
    return values if len(values) == length and aware else None


def _typed(value: datetime | int) -> Any:
    return literal(value, UtcDateTime()) if isinstance(value, datetime) else value
