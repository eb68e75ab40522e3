"""The bot process: fetches, understands and delivers beside others of its kind, until told to stop."""

import asyncio
import contextlib
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import structlog

from bot import contact, webhook
from bot.delivery import Delivery
from bot.dispatcher import Dispatcher
from bot.freeze import frozen_s
from bot.intake import Intake
from bot.leadership import Leadership
from bot.sweeper import Sweeper
from bot.telegram_api import make_bot
from bot.turns import TurnTaker
from bot.typing_signs import TypingSigns
from bot.understanding import Understanding
from bot.vitals import Vitals
from bot.worker import Worker
from crm import schema, templates
from crm.db import Database
from crm.settings import Settings

log = structlog.get_logger()
THREADS = 14  # at most as many as the database keeps connections for


class BotProcess:
    """Everything the bot process owns."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database
        self._bot = make_bot(settings)
        self._understanding = Understanding(settings)
        self._worker = Worker(database, settings)
        self._leadership = Leadership(database, f"bot:{settings.bot_id}", settings.lease_ttl_s)
        self._vitals = Vitals(database, self._worker)

    async def run(self) -> None:
        """Serves until cancelled. A loop that ends ends the process, so that the supervisor starts it anew."""
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS))
        try:
            await self._wait_for_database()
            # Opens the pool and calls nobody: without Telegram the house is kept all the same.
            await self._bot.request.initialize()
            await self._worker.enlist()
            await self._serve()
        finally:
            for step in (
                self._leadership.give_up,
                self._worker.give_up,
                self._understanding.close,
                self._bot.request.shutdown,
            ):
                with contextlib.suppress(Exception):
                    await step()

    async def _serve(self) -> None:
        settings, database, worker, vitals = self._settings, self._database, self._worker, self._vitals
        delivery = Delivery(self._bot, settings, database, worker, vitals)
        turns = TurnTaker(self._bot, settings, database, self._understanding)
        dispatcher = Dispatcher(settings, database, worker, turns, vitals, delivery.wake)
        intake = Intake(self._bot, settings, database, vitals, dispatcher.wake)
        jobs = [
            self._updates(intake),
            dispatcher.run(),
            delivery.run(),
            delivery.write_outcomes(),
            TypingSigns(self._bot, database, settings.bot_id).run(),
            worker.keep(),
            Sweeper(database, settings, vitals, delivery.in_hand).run(),
            vitals.run(),
        ]
        commands = list(templates.commands().items())
        offering = asyncio.create_task(contact.offer(lambda: self._bot.set_my_commands(commands), "commands"))
        try:
            await _first_to_end(jobs)
        finally:
            offering.cancel()
            await dispatcher.finish()
            await delivery.finish()

    async def _updates(self, intake: Intake) -> None:
        if self._settings.telegram_mode == "webhook":
            frozen = partial(frozen_s, self._database, self._settings.bot_id)
            await webhook.serve(self._bot, self._settings, intake.store, self._vitals, frozen)
            return
        while True:
            self._vitals.status = "standing by to fetch"
            await self._leadership.win()
            self._vitals.status = "serving"
            await _first_to_end([self._fetch(intake), self._leadership.keep()])
            self._vitals.leave("intake")

    async def _fetch(self, intake: Intake) -> None:
        await contact.insist(lambda: webhook.leave(self._bot, self._settings), self._vitals, "intake")
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
