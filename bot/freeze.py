"""When Telegram is to be left alone: because it asked this process or another one to wait, or is not reached."""

import asyncio
import time

import structlog

from crm import send_limits
from crm.db import Database
from crm.dispatch import Outcome, Report

log = structlog.get_logger()
FRESH_S = 0.03
AHEAD_S = 0.005
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 15.0


class Freeze:
    """Knows until when nothing may go out: from our own calls at once, from others' by looking before each call."""

    def __init__(self, database: Database, bot_id: int) -> None:
        self._database = database
        self._bot_id = bot_id
        self._until = 0.0
        self._pause_s = FIRST_PAUSE_S
        self._looked = 0.0
        self._looking: asyncio.Task[None] | None = None

    @property
    def left_s(self) -> float:
        """Seconds for which nothing may go out."""
        return max(0.0, self._until - time.monotonic())

    def heed(self, report: Report) -> None:
        """Waits as the outcome of a call says; longer each time in a row that Telegram is not reached."""
        if report.outcome is Outcome.THROTTLED:
            self._begin(report.wait_s)
        elif report.outcome is Outcome.NOT_REACHED:
            if not self.left_s:
                self._begin(self._pause_s)
                log.warning("Telegram is not reached; trying again", in_s=self._pause_s, why=report.reason)
                self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)
        else:
            self._pause_s = FIRST_PAUSE_S

    def _begin(self, seconds: float) -> None:
        self._until = max(self._until, time.monotonic() + seconds)

    async def look_before(self, slot: float) -> None:
        """Returns at `slot` (monotonic seconds), with what the others know looked up shortly before."""
        await asyncio.sleep(slot - AHEAD_S - time.monotonic())
        if time.monotonic() - self._looked > FRESH_S:
            if self._looking is None or self._looking.done():
                self._looking = asyncio.create_task(self._look())
            await self._looking
        await asyncio.sleep(slot - time.monotonic())

    async def _look(self) -> None:
        try:
            self._begin(await frozen_s(self._database, self._bot_id))
        except Exception as error:
            log.warning("waits that others were asked for not read", error=type(error).__name__)
        self._looked = time.monotonic()


async def frozen_s(database: Database, bot_id: int) -> float:
    """Seconds for which Telegram wants no call for this bot, whichever process it told so."""
    return await asyncio.to_thread(_read, database, bot_id)


def _read(database: Database, bot_id: int) -> float:
    with database.read() as session:
        return send_limits.frozen_s(session, bot_id)
