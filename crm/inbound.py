"""The durable inbox: an update is a row here before it is confirmed to anyone."""

from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, aliased

from crm import clock, workers
from crm.errors import LeaseLost
from crm.models.messaging import Inbound, InboundState
from crm.settings import Settings

MAX_ATTEMPTS = 3
FLOOD_WINDOW = timedelta(seconds=10)
FLOOD_WAITING = 5
NEIGHBOURS = timedelta(seconds=1)
_WITH_NEIGHBOURS = 20
_LOOK_AROUND = 300  # more are not on their way at once; a new numbering begins elsewhere
_INBOX_LOCK = 0x7472  # names our lock among PostgreSQL's advisory ones


@dataclass(frozen=True)
class Arrival:
    """One update as the channel gave it. `chat_id` is 0 for what belongs to no chat."""

    update_id: int
    chat_id: int
    payload: dict[str, Any]


def store(session: Session, bot_id: int, arrivals: Sequence[Arrival]) -> set[int]:
    """Stores what is not stored yet; returns the new ones' update_ids. Known by (bot, update_id), in any order."""
    if not arrivals:
        return set()
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    session.connection()  # SQLite's writer waits here for its turn: the age of a row begins when it can be seen
    moment = clock.now()
    rows = [
        {
            "bot_id": bot_id,
            "update_id": arrival.update_id,
            "chat_id": arrival.chat_id,
            "payload": arrival.payload,
            "state": InboundState.PENDING,
            "attempts": 0,
            "received_at": moment,
        }
        for arrival in arrivals
    ]
    statement = insert(Inbound).values(rows).on_conflict_do_nothing(index_elements=["bot_id", "update_id"])
    return set(session.scalars(statement.returning(Inbound.update_id)))


def claim(session: Session, settings: Settings, fence: int, limit: int, at_work: Collection[int]) -> list[Inbound]:
    """Gives worker `fence` the oldest waiting update of up to `limit` chats. Commit before handling them.

    A chat with an update that a living worker has claimed stays closed: one at a time a chat, whoever handles it.

    Args:
        at_work: numbers (Inbound.id) of what the worker handles now; what else carries its fence it gave back.
    """
    bot_id = settings.bot_id
    _wait_for_others(session, bot_id)
    _free(session, bot_id, fence, at_work)
    rows = list(session.scalars(_heads(settings, limit + _WITH_NEIGHBOURS)))
    if settings.telegram_mode == "webhook":
        rows = _with_all_before(session, bot_id, rows)
    for row in rows[:limit]:
        row.claimed_by = fence
    session.flush()
    return rows[:limit]


def is_any_waiting(session: Session, bot_id: int, fence: int, at_work: Collection[int]) -> bool:
    """Whether a claim may find something; only looks."""
    free = or_(Inbound.claimed_by.is_(None), _is_forsaken(session, bot_id, fence, at_work))
    return session.scalar(select(Inbound.id).where(*_pending(bot_id), free).limit(1)) is not None


def check(session: Session, inbound_id: int, fence: int) -> None:
    """Raises LeaseLost unless the update still waits in the hands of worker `fence`; holds it there meanwhile."""
    row = session.scalars(select(Inbound).where(Inbound.id == inbound_id).with_for_update()).one()
    if row.state is not InboundState.PENDING or row.claimed_by != fence:
        raise LeaseLost(f"update {inbound_id} is not worker {fence}'s any more")


def finish(session: Session, inbound_id: int, fence: int | None = None) -> bool:
    """Marks the update handled; False when it already was, or when worker `fence` is not the one to say so any more."""
    row = session.scalars(select(Inbound).where(Inbound.id == inbound_id).with_for_update()).one()
    if row.state is not InboundState.PENDING or (fence is not None and row.claimed_by != fence):
        return False
    row.state, row.done_at, row.claimed_by = InboundState.DONE, clock.now(), None
    return True


def fail(session: Session, inbound_id: int, error: str, fence: int | None = None) -> bool:
    """Counts a failed attempt; True when it was the last and the update is now a dead letter.

    A worker to whom the update does not belong any more counts nothing.
    """
    row = session.scalars(select(Inbound).where(Inbound.id == inbound_id).with_for_update()).one()
    if row.state is not InboundState.PENDING or (fence is not None and row.claimed_by != fence):
        return False
    row.attempts += 1
    row.error = error[:2000]
    if row.attempts >= MAX_ATTEMPTS:
        row.state, row.done_at, row.claimed_by = InboundState.DEAD, clock.now(), None
    return row.state is InboundState.DEAD


def floods(session: Session, settings: Settings) -> list[int]:
    """Chats that are being slowed and have so much waiting that their person should be told."""
    if not settings.flood_limit:
        return []
    waiting = select(Inbound.chat_id).where(*_pending(settings.bot_id), Inbound.chat_id.in_(_slowed(settings)))
    return list(session.scalars(waiting.group_by(Inbound.chat_id).having(func.count() >= FLOOD_WAITING)))


def _wait_for_others(session: Session, bot_id: int) -> None:
    """One process claims at a time; on SQLite every transaction that writes is alone anyway."""
    if session.get_bind().dialect.name != "sqlite":
        session.execute(select(func.pg_advisory_xact_lock(_INBOX_LOCK, bot_id % 2**31)))


def _free(session: Session, bot_id: int, fence: int, at_work: Collection[int]) -> None:
    """Takes claims away from workers that are dead, and from this one what it does not work on (any more)."""
    free = update(Inbound).where(*_pending(bot_id), _is_forsaken(session, bot_id, fence, at_work))
    session.execute(free.values(claimed_by=None))


def _is_forsaken(session: Session, bot_id: int, fence: int, at_work: Collection[int]) -> ColumnElement[bool]:
    """Whether an update carries the number of a worker that does not deal with it."""
    dead = Inbound.claimed_by.not_in(workers.living(session, bot_id))
    gone = and_(Inbound.claimed_by == fence, Inbound.id.not_in(at_work))
    return and_(Inbound.claimed_by.is_not(None), or_(dead, gone))


def _heads(settings: Settings, limit: int) -> Select[Inbound]:
    """The oldest waiting update of each chat that is open, oldest first."""
    earlier, held = aliased(Inbound), aliased(Inbound)
    before = select(earlier.id).where(
        earlier.bot_id == settings.bot_id,
        earlier.state == InboundState.PENDING,
        earlier.chat_id == Inbound.chat_id,
        earlier.update_id < Inbound.update_id,
    )
    closed = select(held.chat_id).where(
        held.bot_id == settings.bot_id, held.state == InboundState.PENDING, held.claimed_by.is_not(None)
    )
    heads = select(Inbound).where(*_pending(settings.bot_id), Inbound.chat_id.not_in(closed), ~before.exists())
    if settings.flood_limit:
        heads = heads.where(Inbound.chat_id.not_in(_slowed(settings)))
    return heads.order_by(Inbound.update_id).limit(limit)


def _pending(bot_id: int) -> tuple[ColumnElement[bool], ...]:
    return Inbound.bot_id == bot_id, Inbound.state == InboundState.PENDING


def _slowed(settings: Settings) -> Select[int]:
    """Chats that had as many updates handled lately as one person gets at once."""
    lately = select(Inbound.chat_id).where(
        Inbound.bot_id == settings.bot_id,
        Inbound.done_at >= clock.now() - FLOOD_WINDOW,
        Inbound.chat_id != 0,
    )
    return lately.group_by(Inbound.chat_id).having(func.count() >= settings.flood_limit)


def _with_all_before(session: Session, bot_id: int, rows: Sequence[Inbound]) -> list[Inbound]:
    """Those of `rows` below which no update can still be on its way.

    Telegram numbers updates one by one, and posts them to a webhook side by side: 5 may arrive before 4. A row waits
    until every number since one of a second ago is there, or until it is a second old itself. Only numbers near its own
    count: those from before Telegram began to number anew say nothing.
    """
    patience = clock.now() - NEIGHBOURS
    fresh = sorted(row.update_id for row in rows if row.received_at > patience)
    near: dict[int, datetime] = {}
    for first, last in _spans(fresh):
        near |= _received(session, bot_id, first, last)
    settled = sorted(number for number, received_at in near.items() if received_at <= patience)
    return [row for row in rows if row.received_at <= patience or _is_next(row.update_id, settled, near)]


def _is_next(number: int, settled: list[int], near: Collection[int]) -> bool:
    """Whether all from the last settled number near `number` up to it are there."""
    place = bisect_right(settled, number + _LOOK_AROUND)
    last = settled[place - 1] if place else None
    return last is not None and last >= number - _LOOK_AROUND and all(each in near for each in range(last + 1, number))


def _spans(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """First and last number of what is to be looked at around the sorted `numbers`; no number is in two of them."""
    reach = 2 * _LOOK_AROUND
    starts = [place for place, number in enumerate(numbers) if not place or number - numbers[place - 1] > reach]
    for start, end in pairwise([*starts, len(numbers)]):
        yield numbers[start] - _LOOK_AROUND, numbers[end - 1] + _LOOK_AROUND


def _received(session: Session, bot_id: int, first: int, last: int) -> dict[int, datetime]:
    span = (Inbound.bot_id == bot_id, Inbound.update_id.between(first, last))
    return dict(session.execute(select(Inbound.update_id, Inbound.received_at).where(*span)).all())
