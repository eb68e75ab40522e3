"""Messages out: the only door to Telegram for what a customer receives."""

import asyncio
from pathlib import Path

import structlog
from telegram import Bot
from telegram.error import TelegramError

from bot.leadership import Leadership
from bot.limiter import Limiter
from bot.telegram_api import judge, send, wait_of
from crm import dispatch
from crm.db import Database
from crm.dispatch import Letter, Outcome
from crm.errors import LeaseLost, TrianError
from crm.settings import Settings

log = structlog.get_logger()
IDLE_S = 0.25
TICK_S = 0.02
BATCH = 10


class Delivery:
    """Claims due messages under the lease and carries them, within the limits."""

    def __init__(self, bot: Bot, settings: Settings, database: Database, leadership: Leadership) -> None:
        self._bot = bot
        self._settings = settings
        self._database = database
        self._leadership = leadership
        self._limiter = Limiter(settings.send_rate, settings.chat_gap_s)
        self._in_flight: dict[int, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Something new is in the outbox."""
        self._wake.set()

    async def run(self) -> None:
        """Sends until cancelled. Rows left half sent by an earlier process are settled first."""
        left = await asyncio.to_thread(self._recover)
        if left:
            log.warning("settled messages that an earlier sender left in flight", count=left)
        while True:
            try:
                letters = await self._claim()
            except LeaseLost:
                log.warning("nothing is sent: another process has taken over")
                await asyncio.sleep(1)
                continue
            except Exception:
                log.exception("outbox not read; trying again")
                await asyncio.sleep(1)
                continue
            for letter in letters:
                self._start(letter)
            if not letters:
                await self._rest()

    async def finish(self) -> None:
        """Waits for the calls in flight, so that a clean stop leaves nothing unknown."""
        if self._in_flight:
            await asyncio.wait(self._in_flight.values(), timeout=10)

    async def _rest(self) -> None:
        self._wake.clear()
        waiting = self._in_flight or self._limiter.waiting_chats()
        try:
            await asyncio.wait_for(self._wake.wait(), TICK_S if waiting else IDLE_S)
        except TimeoutError:
            return

    async def _claim(self) -> list[Letter]:
        room = min(self._limiter.room(), BATCH)
        if not room or not self._leadership.held():
            return []
        busy = {*self._in_flight, *self._limiter.waiting_chats()}
        return await asyncio.to_thread(self._claim_rows, room, busy)

    def _claim_rows(self, room: int, busy: set[int]) -> list[Letter]:
        with self._database.begin() as session:
            self._leadership.check(session)
            return dispatch.claim(session, self._settings, self._leadership.fence, room, busy)

    def _recover(self) -> int:
        with self._database.begin() as session:
            return dispatch.recover(session, self._settings.bot_id, self._leadership.fence)

    def _start(self, letter: Letter) -> None:
        self._limiter.count(letter.chat_id)
        task = asyncio.create_task(self._carry(letter))
        self._in_flight[letter.chat_id] = task
        task.add_done_callback(lambda _: self._done(letter.chat_id))

    def _done(self, chat_id: int) -> None:
        self._in_flight.pop(chat_id, None)
        self.wake()

    async def _carry(self, letter: Letter) -> None:
        outcome, reason, message_id, wait_s = Outcome.SENT, "", None, 0.0
        try:
            if not self._leadership.held():
                outcome, reason = Outcome.THROTTLED, "the lease ran out before the call"
            else:
                message_id = await send(self._bot, letter, self._photo(letter))
        except TelegramError as error:
            outcome, reason, wait_s = judge(error), error.message, wait_of(error)
        except (OSError, TrianError) as error:
            outcome, reason = Outcome.REJECTED, f"{type(error).__name__}: {error}"
        if wait_s:
            self._limiter.freeze(wait_s)
        await self._settle(letter, outcome, reason, message_id, wait_s)

    async def _settle(
        self, letter: Letter, outcome: Outcome, reason: str, message_id: int | None, wait_s: float
    ) -> None:
        """Writes the outcome, however long the database is away: what was sent must be known as sent."""
        while True:
            try:
                known = await asyncio.to_thread(self._write, letter, outcome, reason, message_id, wait_s)
                break
            except Exception:
                log.exception("outcome not written; trying again", outbox_id=letter.outbox_id)
                await asyncio.sleep(1)
        if not known:
            log.warning("outcome rejected: another sender settled the message", outbox_id=letter.outbox_id)
        elif outcome is not Outcome.SENT:
            log.info("message not sent", outbox_id=letter.outbox_id, outcome=outcome.value, reason=reason)

    def _write(self, letter: Letter, outcome: Outcome, reason: str, message_id: int | None, wait_s: float) -> bool:
        with self._database.begin() as session:
            return dispatch.settle(session, letter, outcome, reason=reason, message_id=message_id, wait_s=wait_s)

    def _photo(self, letter: Letter) -> str | None:
        photo = letter.body.get("photo")
        return str(Path(self._settings.var_dir) / photo) if photo else None
