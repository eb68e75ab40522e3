from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import update
from sqlalchemy.orm import Session

from crm import clock, leases
from crm.errors import LeaseLost
from crm.models.messaging import Lease


def run_out(session: Session, name: str) -> None:
    """Its time is over, by whatever clock."""
    session.execute(update(Lease).where(Lease.name == name).values(expires_at=datetime(2020, 1, 1, tzinfo=UTC)))


def test_one_owner_at_a_time_and_a_takeover_raises_the_fence(session: Session) -> None:
    assert leases.acquire(session, "bot", "a", 15) == 1
    assert leases.acquire(session, "bot", "b", 15) is None
    assert leases.acquire(session, "bot", "a", 15) == 1
    run_out(session, "bot")
    assert leases.acquire(session, "bot", "b", 15) == 2
    leases.check(session, "bot", 2)
    with pytest.raises(LeaseLost):
        leases.check(session, "bot", 1)


def test_a_machine_whose_clock_is_ahead_takes_nothing_away_on_postgresql(session: Session) -> None:
    assert leases.acquire(session, "bot", "a", 15) == 1
    with time_machine.travel(clock.now() + timedelta(hours=1)):
        on_sqlite = session.get_bind().dialect.name == "sqlite"  # which has no clock but this machine's
        assert leases.acquire(session, "bot", "b", 15) == (2 if on_sqlite else None)


def test_a_released_lease_is_free_at_once(session: Session) -> None:
    leases.acquire(session, "bot", "a", 15)
    leases.release(session, "bot", "a")
    assert leases.acquire(session, "bot", "b", 15) == 2
