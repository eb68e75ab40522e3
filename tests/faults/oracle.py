"""The oracle: what Telegram accepted, joined with our own tables."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from crm import clock
from crm.db import Database
from crm.models.messaging import Inbound, InboundState, Outbox, OutboxKind, OutboxState
from tests.faults.case import Tally
from tests.faults.telegram import Telegram

REPORTED = frozenset({OutboxState.SENT, OutboxState.UNKNOWN})
MOVING = frozenset({OutboxState.QUEUED, OutboxState.SENDING})
EXPLAINED = frozenset({OutboxState.SKIPPED, OutboxState.FAILED, OutboxState.EXPIRED})


@dataclass(frozen=True)
class Mark:
    """A point in a world's life; an audit looks at what came after it."""

    call: int = 0
    outbox: int = 0
    inbound: int = 0


@dataclass
class Audit:
    """What became of the outbox rows after a mark, by their ids.

    Attributes:
        rows: every row, with its account.
        arrivals: how often each row was accepted.
        lost: due and in no final state with a reason, or called sent and never accepted.
        beyond: accepted more often than the first time and the re-sends on record.
        orphans: accepted calls that no row explains.
    """

    rows: dict[int, Outbox]
    arrivals: dict[int, int]
    lost: list[int] = field(default_factory=list)
    doubled: list[int] = field(default_factory=list)
    beyond: list[int] = field(default_factory=list)
    unknown: list[int] = field(default_factory=list)
    unreported: list[int] = field(default_factory=list)
    orphans: list[dict[str, Any]] = field(default_factory=list)

    @property
    def accepted(self) -> int:
        """How many messages Telegram took."""
        return sum(self.arrivals.values()) + len(self.orphans)

    def count(self, state: OutboxState) -> int:
        """How many rows are in `state`."""
        return sum(row.state is state for row in self.rows.values())

    def marketing(self, numbers: list[int]) -> list[int]:
        """Those of `numbers` that are advertisements."""
        return [number for number in numbers if self.rows[number].kind is OutboxKind.MARKETING]

    def into(self, tally: Tally) -> None:
        """Adds the counts, and a failure for whatever no case allows."""
        tally.lost += len(self.lost)
        tally.doubled += sum(self.arrivals[number] - 1 for number in self.doubled)
        tally.doubled_marketing += len(self.marketing(self.doubled))
        tally.unknown += len(self.unknown)
        tally.unreported += len(self.unreported) + len(self.orphans)
        tally.expect(not self.lost, f"lost: {self._words(self.lost)}")
        tally.expect(not self.beyond, f"doubled beyond the allowed re-send: {self._words(self.beyond)}")
        tally.expect(
            not self.marketing(self.doubled), f"advertisements doubled: {self._words(self.marketing(self.doubled))}"
        )
        tally.expect(not self.unreported, f"accepted and not on record: {self._words(self.unreported)}")
        tally.expect(not self.orphans, f"accepted and no row: {[call['text'] for call in self.orphans[:3]]}")

    def _words(self, numbers: list[int]) -> str:
        rows = [self.rows[number] for number in numbers[:5]]
        said = ", ".join(f"#{row.id} {row.kind.value} {row.state.value} ({row.reason})" for row in rows)
        return f"{len(numbers)} rows, {said}"


def mark(database: Database, telegram: Telegram) -> Mark:
    """Where things stand now."""
    with database.read() as session:
        outbox = session.scalar(select(func.max(Outbox.id))) or 0
        inbound = session.scalar(select(func.max(Inbound.id))) or 0
    return Mark(telegram.last(), outbox, inbound)


def audit(database: Database, telegram: Telegram, since: Mark) -> Audit:
    """Looks at everything after `since`. Call it when nothing moves any more."""
    with database.read() as session:
        wanted = select(Outbox).where(Outbox.id > since.outbox).options(joinedload(Outbox.account))
        rows = {row.id: row for row in session.scalars(wanted)}
    found = Audit(rows, dict.fromkeys(rows, 0))
    _join(found, telegram.accepted(since.call))
    moment = clock.now()
    for number, row in rows.items():
        arrived = found.arrivals[number]
        if row.state is OutboxState.UNKNOWN:
            found.unknown.append(number)
        if _is_lost(row, arrived, moment):
            found.lost.append(number)
        if arrived and row.state not in REPORTED:
            found.unreported.append(number)
        if arrived > 1:
            found.doubled.append(number)
        if arrived > 1 + row.resends:
            found.beyond.append(number)
    return found


def _is_lost(row: Outbox, arrived: int, moment: datetime) -> bool:
    if row.state in MOVING:
        return row.not_before <= moment
    if row.state in EXPLAINED:
        return not row.reason
    return row.state is OutboxState.SENT and not arrived


def _join(found: Audit, calls: list[dict[str, Any]]) -> None:
    """Gives every accepted call to the row it belongs to: by message id, then by chat and text."""
    by_number = {(row.account.chat_id, row.telegram_message_id): row.id for row in found.rows.values()}
    by_text: dict[tuple[int, str], list[int]] = defaultdict(list)
    for row in found.rows.values():
        by_text[row.account.chat_id, str(row.body["text"]).strip()].append(row.id)
    left = []
    for call in calls:
        number = by_number.get((call["chat_id"], call["message_id"]))
        if number is None:
            left.append(call)
        else:
            found.arrivals[number] += 1
    for call in left:
        same = by_text.get((call["chat_id"], str(call["text"] or "").strip()))
        if not same:
            found.orphans.append(call)
            continue
        # Of several rows with the same words, the one that explains the call with the fewest assumptions.
        best = min(same, key=lambda number: (found.arrivals[number] - found.rows[number].resends, -number))
        found.arrivals[best] += 1


def unhandled(database: Database, since: Mark, update_ids: list[int]) -> list[int]:
    """Those of `update_ids` that are not on record as handled exactly once."""
    with database.read() as session:
        done = select(Inbound.update_id).where(Inbound.id > since.inbound, Inbound.state == InboundState.DONE)
        handled = Counter(session.scalars(done))
    return [number for number in update_ids if handled[number] != 1]


def inversions(database: Database, since: Mark) -> int:
    """How many updates of a chat were done before one that Telegram numbered earlier."""
    with database.read() as session:
        done = session.execute(
            select(Inbound.chat_id, Inbound.update_id, Inbound.done_at)
            .where(Inbound.id > since.inbound, Inbound.done_at.is_not(None))
            .order_by(Inbound.chat_id, Inbound.update_id)
        ).all()
    return sum(a.chat_id == b.chat_id and a.done_at > b.done_at for a, b in pairwise(done))
