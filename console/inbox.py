"""What every screen shows of the inbox, read once for all: after a change the first to ask reads it."""

import asyncio
import time
from dataclasses import dataclass, field, replace

from sqlalchemy.orm import Session

from console import desk
from console.access import CARE
from console.pulse import QUEUE, pulse
from console.visits import Visitor
from crm import availability, changes, inbox
from crm.changes import Mark
from crm.inbox import Queue, Signal
from crm.inbox_lines import Line
from crm.models.inbox import StaffDesk

SHOWN = 5
STALE_S = 15.0  # the clocks in it go on counting
_NOBODY = 0  # no member of staff has this number: what is shared is read as nobody's


@dataclass(frozen=True)
class Inbox:
    """`first` are the lines that nobody holds and that are nearest to their time; `signals` all calls in brief.

    `mine`: what the person likes for whom it was read; None in what is shared.
    """

    first: list[Line]
    signals: list[Signal]
    mark: Mark
    mine: StaffDesk | None = None
    read_at: float = field(default_factory=time.monotonic)

    @property
    def waiting(self) -> int:
        """How many conversations nobody holds."""
        return sum(1 for signal in self.signals if signal.holder_id is None)

    def for_person(self, staff_id: int) -> list[Signal]:
        """What asks for this person: what nobody holds, and what they hold while the customer waits."""
        return [
            signal
            for signal in self.signals
            if signal.holder_id is None or (signal.holder_id == staff_id and signal.waits)
        ]


_shared: Inbox | None = None
_reading = asyncio.Lock()


async def shared() -> Inbox:
    """The inbox as of the pulse's last mark; read at most once for each mark, however many screens ask."""
    global _shared
    async with _reading:
        if _shared is None or not _is_good(_shared, pulse.marks.get(QUEUE)):
            _shared = await desk.look(read)
        return _shared


async def for_visitor(visitor: Visitor) -> Inbox | None:
    """The inbox as it is now, for a page that opens; None for those it is not for."""
    global _shared
    if visitor.role not in CARE:
        return None
    now, mine = await desk.look(lambda session: (_as_of_now(session), availability.look(session, visitor.staff_id)))
    _shared = now
    return replace(now, mine=mine)


def _as_of_now(session: Session) -> Inbox:
    known = _shared
    return known if known is not None and _is_good(known, changes.queue(session)) else read(session)


def _is_good(known: Inbox, mark: Mark | None) -> bool:
    return known.mark == mark and time.monotonic() - known.read_at < STALE_S


def read(session: Session) -> Inbox:
    """The inbox as it is now, with the mark of the moment before."""
    mark = changes.queue(session)
    first = inbox.page(session, _NOBODY, Queue.UNASSIGNED, limit=SHOWN)
    lines = [replace(line, unread=False) for line in first.lines]  # everybody reads for themselves
    return Inbox(lines, inbox.signals(session), mark)
