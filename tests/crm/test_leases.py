import pytest
import time_machine
from sqlalchemy.orm import Session

from crm import leases
from crm.errors import LeaseLost


def test_one_owner_at_a_time_and_a_takeover_raises_the_fence(session: Session) -> None:
    with time_machine.travel("2026-11-22T03:00:00Z", tick=False) as traveller:
        assert leases.acquire(session, "bot", "a", 15) == 1
        assert leases.acquire(session, "bot", "b", 15) is None
        assert leases.acquire(session, "bot", "a", 15) == 1
        traveller.shift(16)
        assert leases.acquire(session, "bot", "b", 15) == 2
        leases.check(session, "bot", 2)
        with pytest.raises(LeaseLost):
            leases.check(session, "bot", 1)


def test_a_released_lease_is_free_at_once(session: Session) -> None:
    leases.acquire(session, "bot", "a", 15)
    leases.release(session, "bot", "a")
    assert leases.acquire(session, "bot", "b", 15) == 2
