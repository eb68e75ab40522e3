"""One process fetches a bot's updates by polling: the lease says which, and the others stand by to take over."""

import asyncio
import time

import structlog

from bot.worker import owner_name
from crm import leases
from crm.db import Database

log = structlog.get_logger()


class Leadership:
    """Holds or waits for the lease `name`. `fence` is valid while `held()`."""

    def __init__(self, database: Database, name: str, ttl_s: float) -> None:
        self._database = database
        self._name = name
        self._ttl_s = ttl_s
        self._owner = owner_name()
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
                log.info(
                    "standing by: another process fetches the updates; this one helps with all else", lease=self._name
                )
                said = True
            await asyncio.sleep(1)
        log.info("fetching", lease=self._name, fence=self.fence)

    async def keep(self) -> None:
        """Renews until the lease is lost; then returns."""
        fence = self.fence
        while True:
            await asyncio.sleep(self._ttl_s / 4)
            if not await self._try() and not self.held():
                log.warning("lease lost", lease=self._name)
                return
            if self.fence != fence:
                log.warning("lease was taken over in between", lease=self._name)
                return

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
        self.fence, self._safe_until = fence, asked + self._ttl_s * 0.85
        return True

    def _acquire(self) -> int | None:
        with self._database.begin() as session:
            return leases.acquire(session, self._name, self._owner, self._ttl_s)

    def _release(self) -> None:
        with self._database.begin() as session:
            leases.release(session, self._name, self._owner)
