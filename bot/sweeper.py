"""What every process looks after now and then: messages that the dead left half sent, and those whose time is over."""

import asyncio
from collections.abc import Callable, Collection

import structlog

from bot.vitals import Vitals
from crm import dispatch
from crm.db import Database
from crm.settings import Settings

log = structlog.get_logger()


class Sweeper:
    """Settles what dead workers left and ends what has expired, three times in a lease's life."""

    def __init__(
        self, database: Database, settings: Settings, vitals: Vitals, in_hand: Callable[[], Collection[int]]
    ) -> None:
        """Args: in_hand: numbers of the messages whose outcome this process will still write."""
        self._database = database
        self._bot_id = settings.bot_id
        self._every_s = settings.lease_ttl_s / 3
        self._vitals = vitals
        self._in_hand = in_hand

    async def run(self) -> None:
        """Sweeps until cancelled, the first time at once."""
        while True:
            try:
                recovered, expired = await asyncio.to_thread(self._sweep, list(self._in_hand()))
                self._vitals.mark("sweeper")
                if recovered:
                    log.warning("settled messages that a dead sender left in flight", count=recovered)
                if expired:
                    log.info("messages whose time was over were not sent", count=expired)
            except Exception as error:
                log.warning("not swept; trying again", error=type(error).__name__)
                self._vitals.trouble("sweeper", type(error).__name__)
            await asyncio.sleep(self._every_s)

    def _sweep(self, in_hand: list[int]) -> tuple[int, int]:
        with self._database.begin() as session:
            return dispatch.recover(session, self._bot_id, in_hand), dispatch.expire(session, self._bot_id)
