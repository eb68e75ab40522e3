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

    @property
    def leading(self) -> bool:
        return self._fence is not None

    def renew(self) -> None:
        """Renews the lease, or tries to take it; the leader gives a sign of life with it."""
        with self._database.begin() as session:
            fence = leases.acquire(session, LEASE, self._owner, settings().lease_ttl_s)
            if fence is not None:
                health.beat(session, LEASE, "leading")
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
        self._fence = None
