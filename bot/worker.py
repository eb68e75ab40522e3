"""This process among those that work for a bot: its number, which everything it claims carries, and its lease."""

import asyncio
import os
import socket
import time
from uuid import uuid4

import structlog
from sqlalchemy.orm import Session

from crm import workers
from crm.db import Database
from crm.settings import Settings

log = structlog.get_logger()
WAIT_S = 1.0


def owner_name() -> str:
    """A name for the owner of a lease: host, process id and something random."""
    return f"{socket.gethostname()[:32]}:{os.getpid()}:{uuid4().hex[:8]}"


class Worker:
    """Holds a lease under a number of its own. `fence` is that number, to be used while `held()`.

    Whoever loses the lease, frozen for longer than it lasts, gets a new number; what carries the old one is not its own
    any more.
    """

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._bot_id = settings.bot_id
        self._ttl_s = settings.lease_ttl_s
        self._owner = ""
        self._safe_until = 0.0
        self.fence = 0

    def held(self) -> bool:
        """Whether the lease is certainly still ours: a process that was frozen finds it is not."""
        return time.monotonic() < self._safe_until

    def check(self, session: Session) -> None:
        """Raises LeaseLost unless the lease is still ours; nobody ends it before the transaction does."""
        workers.check(session, self._bot_id, self.fence)

    async def enlist(self) -> None:
        """Returns with a new number; waits while a restore holds everything, or the database is away."""
        said = False
        while not await self._try_to_enlist():
            if not said:
                log.info("standing by: the database gives out no worker's number now")
                said = True
            await asyncio.sleep(WAIT_S)
        log.info("working", worker=self.fence)

    async def keep(self) -> None:
        """Renews the lease until cancelled; takes a new number when it was lost."""
        while True:
            await asyncio.sleep(self._ttl_s / 4)
            asked = time.monotonic()
            try:
                renewed = await asyncio.to_thread(self._renew)
            except Exception as error:
                log.warning("lease not renewed", error=type(error).__name__)
                continue
            if renewed:
                self._safe_until = asked + self._safe_s
            else:
                self._safe_until = 0.0
                log.warning("this process was away for too long; what it had in hand is others' now", worker=self.fence)
                await self.enlist()

    async def give_up(self) -> None:
        """Frees what the worker still has in hand at once."""
        self._safe_until = 0.0
        if self.fence:
            await asyncio.to_thread(self._retire)

    @property
    def _safe_s(self) -> float:
        # A little less than what the database grants: the answer took a while, and clocks do not tick alike.
        return self._ttl_s * 0.85

    async def _try_to_enlist(self) -> bool:
        asked, self._owner = time.monotonic(), owner_name()
        try:
            fence = await asyncio.to_thread(self._enlist)
        except Exception as error:
            log.warning("no worker's number", error=type(error).__name__)
            return False
        if fence is None:
            return False
        self.fence, self._safe_until = fence, asked + self._safe_s
        return True

    def _enlist(self) -> int | None:
        with self._database.begin() as session:
            return workers.enlist(session, self._bot_id, self._owner, self._ttl_s)

    def _renew(self) -> bool:
        with self._database.begin() as session:
            return workers.renew(session, self._bot_id, self.fence, self._owner, self._ttl_s)

    def _retire(self) -> None:
        with self._database.begin() as session:
            workers.retire(session, self._bot_id, self.fence)
