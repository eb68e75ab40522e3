"""The bot process: waits for its turn, then fetches, understands and delivers until told to stop."""

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any

import structlog
from telegram import Bot
from telegram.error import InvalidToken, TelegramError

from bot import webhook
from bot.delivery import Delivery
from bot.dispatcher import Dispatcher
from bot.intake import Intake
from bot.leadership import Leadership
from bot.telegram_api import make_bot
from bot.turns import TurnTaker
from bot.understanding import Understanding
from crm import health, schema, templates
from crm.db import Database
from crm.settings import Settings

log = structlog.get_logger()
RETRY_S = 2.0
BEAT_S = 5.0


class BotProcess:
    """Everything the bot process owns."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database
        self._bot = make_bot(settings)
        self._understanding = Understanding(settings)
        self._leadership = Leadership(database, f"bot:{settings.bot_id}")

    async def run(self) -> None:
        """Serves until cancelled; standing by and taking over as the lease says."""
        await self._wait_for_database()
        await self._wait_for_telegram(self._bot)
        try:
            while True:
                await self._beat("standing by")
                await self._leadership.win()
                await self._serve()
        finally:
            with contextlib.suppress(Exception):
                await self._leadership.give_up()
                await self._understanding.close()
                await self._bot.shutdown()

    async def _serve(self) -> None:
        delivery = Delivery(self._bot, self._settings, self._database, self._leadership)
        turns = TurnTaker(self._bot, self._settings, self._database, self._understanding)
        dispatcher = Dispatcher(self._settings.bot_id, self._database, turns, delivery.wake)
        intake = Intake(self._bot, self._settings.bot_id, self._database, dispatcher.wake)
        jobs = [self._updates(intake), dispatcher.run(), delivery.run(), self._leadership.keep(), self._beats()]
        try:
            await _first_to_end(jobs)
        finally:
            await dispatcher.finish()
            await delivery.finish()

    async def _updates(self, intake: Intake) -> None:
        if self._settings.telegram_mode == "webhook":
            await webhook.serve(self._bot, self._settings, intake.store)
        else:
            await self._bot.delete_webhook()
            await intake.run()

    async def _wait_for_database(self) -> None:
        said = False
        while not await asyncio.to_thread(self._database_ready):
            if not said:
                log.info("waiting for a migrated database; `trian migrate` makes one")
                said = True
            await asyncio.sleep(1)

    def _database_ready(self) -> bool:
        try:
            return schema.is_current(self._database.engine)
        except Exception:
            return False

    async def _wait_for_telegram(self, bot: Bot) -> None:
        while True:
            try:
                await bot.initialize()
                await bot.set_my_commands(list(templates.commands().items()))
                return
            except InvalidToken:
                log.error("Telegram refuses the token; put the right one into TRIAN_TELEGRAM_TOKEN")
            except TelegramError as error:
                log.warning("waiting for Telegram", error=type(error).__name__)
            await asyncio.sleep(RETRY_S)

    async def _beats(self) -> None:
        while True:
            await self._beat("serving")
            await asyncio.sleep(BEAT_S)

    async def _beat(self, status: str) -> None:
        try:
            await asyncio.to_thread(self._write_beat, status)
        except Exception as error:
            log.warning("no sign of life written", error=type(error).__name__)

    def _write_beat(self, status: str) -> None:
        with self._database.begin() as session:
            health.beat(session, "bot", status)


async def _first_to_end(jobs: list[Coroutine[Any, Any, None]]) -> None:
    """Runs the jobs until one ends or fails, then cancels the others; a failure is raised."""
    tasks = [asyncio.create_task(job) for job in jobs]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
