"""The durable inbox: an update is a row here before it is confirmed to anyone."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from crm import clock
from crm.models.messaging import Inbound, InboundState

MAX_ATTEMPTS = 3


@dataclass(frozen=True)
class Arrival:
    """One update as the channel gave it. `chat_id` is 0 for what belongs to no chat."""

    update_id: int
    chat_id: int
    payload: dict[str, Any]


def store(session: Session, bot_id: int, arrivals: Sequence[Arrival]) -> int:
    """Stores what is not stored yet; returns how many were new. Known by (bot, update_id), whatever the order."""
    if not arrivals:
        return 0
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
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
    return len(session.scalars(statement.returning(Inbound.id)).all())


def heads(session: Session, bot_id: int, busy_chats: Collection[int], limit: int) -> list[Inbound]:
    """The oldest pending update of each chat that is not busy, at most `limit` of them."""
    waiting = [Inbound.bot_id == bot_id, Inbound.state == InboundState.PENDING]
    first = select(func.min(Inbound.update_id)).where(*waiting, Inbound.chat_id.not_in(busy_chats))
    first = first.group_by(Inbound.chat_id).order_by(func.min(Inbound.update_id)).limit(limit)
    numbers = session.scalars(first).all()
    return list(session.scalars(select(Inbound).where(*waiting, Inbound.update_id.in_(numbers))))


def finish(session: Session, inbound_id: int) -> bool:
    """Marks the update handled; False when it already was."""
    row = session.scalars(select(Inbound).where(Inbound.id == inbound_id).with_for_update()).one()
    if row.state is not InboundState.PENDING:
        return False
    row.state, row.done_at = InboundState.DONE, clock.now()
    return True


def fail(session: Session, inbound_id: int, error: str) -> bool:
    """Counts a failed attempt; True when it was the last and the update is now a dead letter."""
    row = session.scalars(select(Inbound).where(Inbound.id == inbound_id).with_for_update()).one()
    row.attempts += 1
    row.error = error[:2000]
    if row.attempts >= MAX_ATTEMPTS:
        row.state, row.done_at = InboundState.DEAD, clock.now()
    return row.state is InboundState.DEAD
