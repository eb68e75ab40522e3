"""The queue read once for all screens: after a change the first to ask reads it, the others share what it read."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from console import desk
from console.access import CARE
from console.pulse import QUEUE, pulse
from console.visits import Visitor
from crm import changes, escalations
from crm.changes import Mark
from crm.models.conversations import Direction, Escalation, EscalationReason, EscalationState, Message
from crm.models.people import Tier


@dataclass(frozen=True)
class Entry:
    """One conversation that waits for a person or is held by one (`holder`)."""

    conversation_id: int
    customer: str
    tier: Tier
    reason: EscalationReason
    note: str
    last_words: str
    since: datetime
    holder: str
    holder_id: int | None


@dataclass(frozen=True)
class Inbox:
    entries: list[Entry]
    mark: Mark

    @property
    def waiting(self) -> int:
        return sum(1 for entry in self.entries if entry.holder_id is None)


_shared: Inbox | None = None
_reading = asyncio.Lock()


async def shared() -> Inbox:
    """The queue as of the pulse's last mark; read at most once for each mark, however many screens ask."""
    global _shared
    async with _reading:
        if _shared is None or _shared.mark != pulse.marks.get(QUEUE):
            _shared = await desk.look(read)
        return _shared


async def for_visitor(visitor: Visitor) -> Inbox | None:
    """The queue read afresh for a page that opens; None for those it is not for."""
    return await desk.look(read) if visitor.role in CARE else None


def read(session: Session) -> Inbox:
    """The queue: those nobody holds first, longest waiting first, with the customer's last words."""
    mark = changes.queue(session)
    alive = escalations.queue(session)
    words = _last_words(session, [escalation.conversation_id for escalation in alive])
    return Inbox([_entry(escalation, words.get(escalation.conversation_id, "")) for escalation in alive], mark)


def _entry(escalation: Escalation, last_words: str) -> Entry:
    customer = escalation.conversation.customer
    held = escalation.state is EscalationState.CLAIMED
    return Entry(
        conversation_id=escalation.conversation_id,
        customer=customer.name,
        tier=customer.tier,
        reason=escalation.reason,
        note=escalation.note,
        last_words=last_words,
        since=escalation.opened_at,
        holder=escalation.staff.name if held and escalation.staff else "",
        holder_id=escalation.staff_id if held else None,
    )


def _last_words(session: Session, conversation_ids: list[int]) -> dict[int, str]:
    last = (
        select(func.max(Message.id))
        .where(Message.conversation_id.in_(conversation_ids), Message.direction == Direction.IN)
        .group_by(Message.conversation_id)
    )
    found = select(Message.conversation_id, Message.text).where(Message.id.in_(last))
    return dict(session.execute(found).all())
