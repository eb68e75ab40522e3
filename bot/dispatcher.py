"""The inbox at work: one update at a time a chat, in update_id order; many chats side by side."""

import asyncio
import time
from collections.abc import Callable

import structlog

from bot.photos import NotYet
from bot.turns import TurnTaker
from bot.vitals import Vitals
from bot.worker import Worker
from crm import inbound, turns
from crm.db import Database
from crm.errors import LeaseLost
from crm.models.messaging import Inbound
from crm.settings import Settings

log = structlog.get_logger()
WORKERS = 16
LOOK_S = 0.25
RETRY_S = 2.0


class Dispatcher:
    """Claims the oldest waiting update of each chat that is open; `answered` is called after each turn."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        worker: Worker,
        turns: TurnTaker,
        vitals: Vitals,
        answered: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._database = database
        self._worker = worker
        self._turns = turns
        self._vitals = vitals
        self._answered = answered
        self._at_work: dict[int, asyncio.Task[None]] = {}
        self._rests: dict[int, float] = {}
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
                self._vitals.mark("dispatcher")
            except LeaseLost:
                log.warning("nothing is handled until this process has a living number again")
            except Exception as error:
                log.exception("inbox not read; trying again")
                self._vitals.trouble("dispatcher", type(error).__name__)
            try:
                async with asyncio.timeout(LOOK_S):  # Python 3.11's wait_for loses a cancellation that meets a wake
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def finish(self) -> None:
        """Waits for the turns under way."""
        if self._at_work:
            await asyncio.wait(self._at_work.values(), timeout=10)

    async def _start_what_waits(self) -> None:
        free, in_hand = WORKERS - len(self._at_work), self._in_hand()
        if free <= 0 or not self._worker.held() or not await asyncio.to_thread(self._is_any_waiting, in_hand):
            return
        rows, told = await asyncio.to_thread(self._claim, free, in_hand)
        for row in rows:
            # After a new number what the old one had in hand is claimed anew. It is begun again when the task that
            # still has it has found out, and ended: then it is in nobody's hand and is freed once more.
            if row.id not in in_hand:
                self._start(row)
        if told:
            self._answered()

    def _in_hand(self) -> list[int]:
        """What is at work, and what is tried again later: that stays claimed, its chat closed, and takes no place."""
        now = time.monotonic()
        self._rests = {inbound_id: until for inbound_id, until in self._rests.items() if until > now}
        return [*self._at_work, *self._rests]

    def _start(self, row: Inbound) -> None:
        task = asyncio.create_task(self._work(row))
        self._at_work[row.id] = task
        task.add_done_callback(lambda _: self._done(row.id))

    def _done(self, inbound_id: int) -> None:
        self._at_work.pop(inbound_id, None)
        self.wake()

    async def _work(self, row: Inbound) -> None:
        try:
            await self._turns.handle(row)
        except LeaseLost as error:
            log.warning("update left to the worker that has it now", inbound_id=row.id, why=str(error))
        except NotYet as error:
            log.warning("update waits for its file", inbound_id=row.id, wait_s=error.wait_s, why=str(error))
            self._rests[row.id] = time.monotonic() + error.wait_s
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

    def _is_any_waiting(self, in_hand: list[int]) -> bool:
        with self._database.read() as session:
            return inbound.is_any_waiting(session, self._settings.bot_id, self._worker.fence, in_hand)

    def _claim(self, limit: int, in_hand: list[int]) -> tuple[list[Inbound], int]:
        """Updates to handle now, and how many people were told that they are answered more slowly."""
        with self._database.begin() as session:
            fence = self._worker.fence
            self._worker.check(session)
            rows = inbound.claim(session, self._settings, fence, limit, in_hand)
            bot_id = self._settings.bot_id
            floods = inbound.floods(session, self._settings)
            return rows, sum(turns.ask_for_patience(session, bot_id, chat_id) for chat_id in floods)

    def _fail(self, row: Inbound, error: str) -> bool:
        with self._database.begin() as session:
            buried = inbound.fail(session, row.id, error, row.claimed_by)
            if buried:
                turns.bury(session, row.bot_id, row.chat_id, error)
            return buried
