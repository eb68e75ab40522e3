"""The limiter on a clock of the test's own: the database's cannot be set."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from crm import leases, send_limits
from crm.send_limits import Gate, Kept

BOT = 7


class Clock:
    """Seconds since some noon; stands in for the database's."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(leases, "moment", lambda _session: self.moment)

    @property
    def moment(self) -> datetime:
        return datetime(2026, 11, 24, 12, tzinfo=UTC) + timedelta(seconds=self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


class Sender:
    """Claims what it gets and calls at its slots, late by what the dice say."""

    def __init__(self, session: Session, rate: int, dice: random.Random, latest_s: float) -> None:
        self._session, self._rate, self._dice, self._latest_s = session, rate, dice, latest_s
        self._kept: list[Kept] = []
        self.calls: list[float] = []

    def claim(self, now: float, wants: int = 100) -> Gate:
        gate = send_limits.gate(self._session, BOT, self._rate)
        gate.learn(self._kept)
        slots = gate.take(wants)
        gate.save()
        self._session.flush()
        self._kept = []
        for slot in slots:
            late = self._dice.choice([0.0, self._dice.uniform(0, self._latest_s)])
            self._kept.append(Kept(gate.now + slot, late))
            self.calls.append(now + slot + late)
        return gate


def most_in_a_second(calls: list[float]) -> int:
    calls = sorted(calls)
    return max(sum(start <= call < start + 1 for call in calls[i : i + 2000]) for i, start in enumerate(calls))


@pytest.mark.parametrize(
    ("rate", "latest_s", "share"), [(25, 0.0, 0.98), (25, 0.01, 0.98), (200, 0.01, 0.98), (25, 0.15, 0.8)]
)
def test_two_senders_together_keep_to_the_rate_and_use_it(
    session: Session, clock: Clock, rate: int, latest_s: float, share: float
) -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    dice = random.Random(seed)
    senders = [Sender(session, rate, dice, latest_s) for _ in range(2)]
    while clock.now < 20:
        dice.choice(senders).claim(clock.now)
        clock.now += dice.uniform(0.02, 0.1)
    calls = [call for sender in senders for call in sender.calls]
    assert most_in_a_second(calls) <= rate
    assert len([call for call in calls if call < 20]) >= 20 * rate * share


def test_nothing_goes_out_inside_a_wait_and_the_rate_grows_again_afterwards(session: Session, clock: Clock) -> None:
    sender = Sender(session, 25, random.Random(1), 0.0)
    send_limits.freeze(session, BOT, 7)
    clock.now = 6.7
    gate = sender.claim(clock.now)
    assert sender.calls == []
    assert gate.wait_s == pytest.approx(0.3)
    assert send_limits.frozen_s(session, BOT) == pytest.approx(0.3)
    while clock.now < 25:
        sender.claim(clock.now)
        clock.now += 0.05
    assert min(sender.calls) >= 7
    assert sum(7 <= call < 8 for call in sender.calls) <= 8
    assert sum(23 <= call < 24 for call in sender.calls) >= 24


def test_slots_that_nobody_needs_are_free_for_others(session: Session, clock: Clock) -> None:
    first = send_limits.gate(session, BOT, 25)
    slots = first.take(5)
    first.give_back(slots[1:])
    first.save()
    session.flush()
    assert send_limits.gate(session, BOT, 25).take(1)[0] < slots[1] + 0.01


def test_without_a_limit_only_telegrams_own_wait_counts(session: Session, clock: Clock) -> None:
    assert send_limits.gate(session, BOT, 0).take(64) == [0.0] * 64
    send_limits.freeze(session, BOT, 3)
    assert send_limits.gate(session, BOT, 0).take(64) == []


def test_a_clock_that_is_set_back_stops_nobody(session: Session, clock: Clock) -> None:
    clock.now = 3600
    sender = Sender(session, 25, random.Random(1), 0.0)
    sender.claim(clock.now)
    clock.now = 0
    assert send_limits.gate(session, BOT, 25).take(1) == [0.0]
