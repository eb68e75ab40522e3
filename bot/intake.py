"""Updates in: stored and committed before they are confirmed to Telegram."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import structlog
from telegram import Bot
from telegram.error import Conflict, TelegramError

from bot import contact, webhook
from bot.http import HttpRequest
from bot.telegram_api import fetch, polling_request, wait_of
from bot.updates import chat_of, said_in
from bot.vitals import Vitals
from crm import crash, inbound, turns
from crm.db import Database
from crm.inbound import Arrival
from crm.settings import Settings

log = structlog.get_logger()
# Well below the 30 s after which health takes a loop for dead; a silent connection is given up after both together.
POLL_S = 15
READ_MARGIN_S = 10
WATCHDOG_S = 60.0
BATCH = 100
PAUSE_S = 2.0
LONGEST_PAUSE_S = 30.0


class Intake:
    """Polls Telegram and fills the inbox; `arrived` is called after each commit that stored something new."""

    def __init__(
        self, bot: Bot, settings: Settings, database: Database, vitals: Vitals, arrived: Callable[[], None]
    ) -> None:
        self._bot = bot
        self._settings = settings
        self._database = database
        self._vitals = vitals
        self._arrived = arrived

    async def run(self) -> None:
        """Polls until cancelled; every error is waited out and said."""
        request = polling_request(self._settings)
        await request.initialize()
        try:
            await self._poll(request)
        finally:
            await request.shutdown()

    async def _poll(self, request: HttpRequest) -> None:
        pause, offset, wait_s = PAUSE_S, None, 0  # the first answer comes at once: health is not kept waiting for it
        barred = False
        while True:
            try:
                if barred:
                    await webhook.leave(self._bot, self._settings)
                async with asyncio.timeout(WATCHDOG_S):
                    offset = await self._once(request, offset, wait_s)
                self._vitals.mark("intake")
                pause, wait_s, barred = PAUSE_S, POLL_S, False
            except TelegramError as error:
                contact.explain(error)
                self._vitals.trouble("intake", contact.trouble_of(error))
                wait_s = 0
                # A bot in webhook mode, until it was stopped, may have registered after we had made way.
                barred = isinstance(error, Conflict) and "webhook" in error.message
                await asyncio.sleep(max(pause, wait_of(error)))
                pause = min(pause * 2, LONGEST_PAUSE_S)
            except Exception as error:
                log.exception("updates not stored; they stay unconfirmed and will be fetched again")
                self._vitals.trouble("intake", f"updates not stored: {type(error).__name__}")
                await asyncio.sleep(PAUSE_S)

    async def _once(self, request: HttpRequest, offset: int | None, wait_s: int) -> int | None:
        updates = await fetch(request, self._bot, offset, BATCH, wait_s, READ_MARGIN_S)
        if not updates:
            # Everything is confirmed. Telegram may begin again at a lower number after a quiet week: ask for all.
            return None
        await self.store(updates)
        return int(updates[-1]["update_id"]) + 1

    async def store(self, updates: Sequence[dict[str, Any]]) -> None:
        """Commits the updates, as they came, to the inbox; what is there already changes nothing."""
        arrivals = [Arrival(int(update["update_id"]), chat_of(update), update) for update in updates]
        if new := await asyncio.to_thread(self._store, arrivals):
            await self._obey_stops([arrival for arrival in arrivals if arrival.update_id in new])
            self._arrived()
        crash.point("intake.stored")

    def _store(self, arrivals: list[Arrival]) -> set[int]:
        with self._database.begin() as session:
            return inbound.store(session, self._settings.bot_id, arrivals)

    async def _obey_stops(self, arrivals: list[Arrival]) -> None:
        """A stop request does not wait behind its sender's other messages. What fails here is left to its turn."""
        for arrival in arrivals:
            said = said_in(arrival.payload)
            if turns.wants_stop(said):
                try:
                    await asyncio.to_thread(self._obey_stop, arrival.chat_id, said)
                except Exception as error:
                    log.warning("stop request left to its turn", error=type(error).__name__)

    def _obey_stop(self, chat_id: int, said: str) -> None:
        with self._database.begin() as session:
            turns.obey_stop(session, self._settings.bot_id, chat_id, said)
