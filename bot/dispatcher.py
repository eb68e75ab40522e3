"""The inbox at work: one update at a time a chat, in update_id order; many chats side by side."""

import asyncio
from collections.abc import Callable

import structlog

from bot.turns import TurnTaker
from crm import inbound, turns
from crm.db import Database
from crm.models.messaging import Inbound

log = structlog.get_logger()
WORKERS = 16
LOOK_S = 1.0
RETRY_S = 2.0


class Dispatcher:
    """Takes the oldest pending update of each idle chat; `answered` is called after each turn."""

    def __init__(self, bot_id: int, database: Database, turns: TurnTaker, answered: Callable[[], None]) -> None:
        self._bot_id = bot_id
        self._database = database
        self._turns = turns
        self._answered = answered
        self._busy: dict[int, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Something new is in the inbox."""
        self._wake.set()

    async def run(self) -> None:
        """Works until cancelled."""
        while True:
            self._wake.clear()
            try:
                await self._start_what_waits()
            except Exception:
                log.exception("inbox not read; trying again")
            try:
                await asyncio.wait_for(self._wake.wait(), LOOK_S)
            except TimeoutError:
                continue

    async def finish(self) -> None:
        """Waits for the turns under way."""
        if self._busy:
            await asyncio.wait(self._busy.values(), timeout=10)

    async def _start_what_waits(self) -> None:
        free = WORKERS - len(self._busy)
        if free <= 0:
            return
        for row in await asyncio.to_thread(self._heads, free, tuple(self._busy)):
            self._start(row)

    def _start(self, row: Inbound) -> None:
        task = asyncio.create_task(self._work(row))
        self._busy[row.chat_id] = task
        task.add_done_callback(lambda _: self._done(row.chat_id))

    def _done(self, chat_id: int) -> None:
        self._busy.pop(chat_id, None)
        self.wake()

    async def _work(self, row: Inbound) -> None:
        try:
            await self._turns.handle(row)
        except Exception as error:
            log.exception("update not handled", inbound_id=row.id)
            await self._failed(row, repr(error))
        self._answered()

    async def _failed(self, row: Inbound, error: str) -> None:
        try:
            if await asyncio.to_thread(self._fail, row, error):
                log.error("update given up: a dead letter", inbound_id=row.id)
                return
        except Exception:
            log.exception("failure not recorded", inbound_id=row.id)
        await asyncio.sleep(RETRY_S)

    def _heads(self, limit: int, busy: tuple[int, ...]) -> list[Inbound]:
        with self._database.read() as session:
            return inbound.heads(session, self._bot_id, busy, limit)

    def _fail(self, row: Inbound, error: str) -> bool:
        with self._database.begin() as session:
            buried = inbound.fail(session, row.id, error)
            if buried:
                turns.bury(session, row.bot_id, row.chat_id, error)
            return buried
