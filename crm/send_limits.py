"""How fast all processes together may send for one bot: slots in time, handed out from one row.

The row remembers when the messages of the last second went out, or are to go out. A slot is free when fewer than
`rate` of them lie in the second before it; slots keep a distance, so that nothing goes out in bursts. Who claims
messages takes their slots a little ahead, and tells later which calls were made late or not at all: late ones may not
bunch with those that follow on time. Slots of a process that dies are lost. Moments are the database's: several
machines share them.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from crm import leases
from crm.models.messaging import SendLimit

HORIZON_S = 0.2
GRAIN_S = 0.002  # as exactly as moments are remembered
# A second, and what the way to Telegram may take longer for one message than for another.
WINDOW = round(1.0 / GRAIN_S) + 7
CATCH_UP = 0.75  # of the even distance between slots: what was lost to late calls is made up for
RAMP_FROM = 0.25
RAMP_A_SECOND = 0.08


@dataclass(frozen=True)
class Kept:
    """How a slot (seconds of the database's clock) was kept: `late_s` after it, None: no call was made."""

    slot: float
    late_s: float | None


class Gate:
    """The bot's limiter, held until the transaction ends: one process at a time claims what it may send.

    After a wait that Telegram asked for the rate begins at a quarter and grows by 8 % of the full one each second.
    """

    def __init__(self, row: SendLimit, now: datetime, rate: float) -> None:
        self._row = row
        self.now = now.timestamp()
        self._frozen_until = row.frozen_until.timestamp() if row.frozen_until else None
        self._rate = rate
        ahead = _grain(self.now + 2 * HORIZON_S)  # beyond it no slot can be: somebody set the clock back
        recent = {grain: count for grain, count in row.recent if ahead - 2 * WINDOW < grain <= ahead}
        self._sent: Counter[int] = Counter(recent)

    def learn(self, kept: Iterable[Kept]) -> None:
        """Corrects what is remembered of slots that were taken before."""
        for each in kept:
            if self._sent[_grain(each.slot)] > 0:
                self._sent[_grain(each.slot)] -= 1
            if each.late_s is not None:
                self._sent[_grain(each.slot + each.late_s)] += 1

    def take(self, most: int) -> list[float]:
        """Takes the free slots of the next HORIZON_S seconds, at most so many, as seconds from now."""
        if not self._rate:
            return [] if self.frozen_s else [0.0] * most
        slots: list[float] = []
        slot = self._free_from(self._first)
        while len(slots) < most and slot <= self.now + HORIZON_S:
            slots.append(slot - self.now)
            self._sent[_grain(slot)] += 1
            slot = self._free_from(slot + CATCH_UP / self._rate_at(slot))
        return slots

    def give_back(self, slots: Iterable[float]) -> None:
        """Slots of `take` that are not needed after all."""
        self.learn(Kept(self.now + slot, None) for slot in slots)

    def save(self) -> None:
        """Writes into the row what is remembered; call it once, last."""
        self._row.recent = sorted([grain, count] for grain, count in self._sent.items() if count > 0)

    @property
    def frozen_s(self) -> float:
        """Seconds for which Telegram still wants nothing."""
        return max(0.0, self._frozen_until - self.now) if self._frozen_until else 0.0

    @property
    def wait_s(self) -> float:
        """Seconds after which half of the horizon is free again, and asking for slots is worth it."""
        if not self._rate:
            return self.frozen_s
        return max(self.frozen_s, self._free_from(self._first) - self.now - HORIZON_S / 2, 0.0)

    @property
    def _first(self) -> float:
        """The earliest moment that keeps its distance from the last message."""
        last = max((grain for grain, count in self._sent.items() if count > 0), default=None)
        start = max(self.now, self._frozen_until or 0.0)
        return start if last is None else max(start, last * GRAIN_S + CATCH_UP / self._rate_at(start))

    def _free_from(self, moment: float) -> float:
        """The first moment from this one on before which a whole window holds fewer messages than the rate."""
        while True:
            since = _grain(moment) - WINDOW
            counted = sorted((grain, count) for grain, count in self._sent.items() if grain >= since and count > 0)
            too_many = sum(count for _, count in counted) - self._rate_at(moment) + 1
            if too_many <= 0:
                return moment
            for grain, count in counted:
                too_many -= count
                if too_many <= 0:
                    moment = max(moment, (grain + WINDOW + 1) * GRAIN_S)
                    break

    def _rate_at(self, moment: float) -> int:
        share = 1.0 if self._frozen_until is None else RAMP_FROM + RAMP_A_SECOND * (moment - self._frozen_until)
        return max(1, int(self._rate * min(1.0, max(RAMP_FROM, share))))


def gate(session: Session, bot_id: int, rate: float) -> Gate:
    """Waits for the bot's limiter and holds it until the transaction ends. `rate` in messages a second, 0: no limit."""
    row = _row(session, bot_id)
    return Gate(row, leases.moment(session), rate)


def freeze(session: Session, bot_id: int, seconds: float) -> None:
    """Nothing goes out for `seconds`, whoever sends: Telegram said so."""
    row = _row(session, bot_id)
    until = leases.moment(session) + timedelta(seconds=seconds)
    row.frozen_until = max(until, row.frozen_until or until)


def frozen_s(session: Session, bot_id: int) -> float:
    """Seconds for which nothing may go out, 0 when it may. Only looks."""
    until = session.scalar(select(SendLimit.frozen_until).where(SendLimit.bot_id == bot_id))
    return max(0.0, (until - leases.moment(session)).total_seconds()) if until else 0.0


def _grain(moment: float) -> int:
    return int(moment / GRAIN_S)


def _row(session: Session, bot_id: int) -> SendLimit:
    mine = select(SendLimit).where(SendLimit.bot_id == bot_id).with_for_update()
    row = session.scalar(mine)
    if row is None:
        insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
        session.execute(insert(SendLimit).values(bot_id=bot_id, recent=[]).on_conflict_do_nothing())
        row = session.scalars(mine).one()
    return row
