"""One process serves one bot: the lease says which, and the others stand by."""

import asyncio
import os
import socket
import time
from uuid import uuid4

import structlog
from sqlalchemy.orm import Session

from crm import leases
from crm.db import Database

log = structlog.get_logger()
TTL_S = 15.0
RENEW_S = 4.0
MARGIN_S = 2.0


class Leadership:
    """Holds or waits for the lease `name`. `fence` is valid while `held()`."""

    def __init__(self, database: Database, name: str) -> None:
        self._database = database
        self._name = name
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
        self._safe_until = 0.0
        self.fence = 0

    def held(self) -> bool:
        """Whether the lease is certainly still ours: a process that was frozen finds it is not."""
        return time.monotonic() < self._safe_until

    async def win(self) -> None:
        """Returns when the lease is ours; says once that it stands by while another holds it."""
        said = False
        while not await self._try():
            if not said:
                log.info("standing by: another process serves this bot", lease=self._name)
                said = True
            await asyncio.sleep(1)
        log.info("serving", lease=self._name, fence=self.fence)

    async def keep(self) -> None:
        """Renews until the lease is lost; then returns."""
        fence = self.fence
        while True:
            await asyncio.sleep(RENEW_S)
            if not await self._try() and not self.held():
                log.warning("lease lost", lease=self._name)
                return
            if self.fence != fence:
                log.warning("lease was taken over in between", lease=self._name)
                return

    def check(self, session: Session) -> None:
        """Raises LeaseLost unless the lease is still ours; nobody takes it over before the transaction ends."""
        leases.check(session, self._name, self.fence)

    async def give_up(self) -> None:
        """Lets a waiting process go on at once."""
        self._safe_until = 0.0
        await asyncio.to_thread(self._release)

    async def _try(self) -> bool:
        asked = time.monotonic()
        try:
            fence = await asyncio.to_thread(self._acquire)
        except Exception as error:
            log.warning("lease not renewed", lease=self._name, error=type(error).__name__)
            return False
        if fence is None:
            self._safe_until = 0.0
            return False
        self.fence, self._safe_until = fence, asked + TTL_S - MARGIN_S
        return True

    def _acquire(self) -> int | None:
        with self._database.begin() as session:
            return leases.acquire(session, self._name, self._owner, TTL_S)

    def _release(self) -> None:
        with self._database.begin() as session:
            leases.release(session, self._name, self._owner)
