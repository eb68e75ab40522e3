"""Of several schedulers one acts: the lease says which, and its fence number is checked in every transaction."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import structlog
from sqlalchemy.orm import Session

from crm import health, leases
from crm.db import Database
from crm.errors import LeaseLost
from crm.settings import settings

log = structlog.get_logger()
LEASE = "scheduler"


class Leadership:
    """Takes and renews the lease. `leading` is what was last known; `transaction` is sure."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._owner = f"{socket.gethostname()[:32]}:{os.getpid()}:{uuid4().hex[:8]}"
        self._fence: int | None = None
        self._beaten = False

    @property
    def leading(self) -> bool:
        return self._fence is not None

    def renew(self) -> None:
        """Renews the lease, or tries to take it; gives this scheduler's sign of life, and the role's if it leads."""
        with self._database.begin() as session:
            fence = leases.acquire(session, LEASE, self._owner, settings().lease_ttl_s)
            if fence is not None:
                health.beat(session, LEASE, "leading")
            if not self._beaten:
                self._forget_the_gone(session)
            health.beat(session, _sign(os.getpid()), "leading" if fence is not None else "standing by")
        self._beaten = True
        if fence != self._fence:
            log.info("leading" if fence is not None else "standing by", fence=fence)
        self._fence = fence

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A transaction that only a leader commits. Raises LeaseLost: somebody took over, and nothing is written."""
        with self._database.begin() as session:
            if self._fence is None:
                raise LeaseLost("not leading")
            leases.check(session, LEASE, self._fence)
            yield session

    def lost(self) -> None:
        """Forgets that this process led; `renew` asks anew."""
        self._fence = None

    def give_up(self) -> None:
        """Lets a waiting scheduler act at once."""
        with self._database.begin() as session:
            leases.release(session, LEASE, self._owner)
            health.forget(session, _sign(os.getpid()))
        self._fence = None

    def _forget_the_gone(self, session: Session) -> None:
        """Schedulers of this machine that died: this one is here in their place."""
        for sign in health.parts(session):
            number = sign.process.removeprefix(_sign(""))
            if number != sign.process and not _runs(number):
                health.forget(session, sign.process)


def _sign(pid: int | str) -> str:
    return f"{LEASE}:{socket.gethostname()[:32]}-{pid}"


def _runs(pid: str) -> bool:
    """Whether a process of this machine has the number `pid`."""
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True
