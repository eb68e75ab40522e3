"""Updates in: stored and committed before they are confirmed to Telegram."""

import asyncio
from collections.abc import Callable, Sequence

import structlog
from telegram import Bot, Update
from telegram.error import Conflict, InvalidToken, RetryAfter, TelegramError

from bot.telegram_api import wait_of
from bot.updates import ALLOWED, chat_of
from crm import inbound
from crm.db import Database
from crm.inbound import Arrival

log = structlog.get_logger()
POLL_S = 25
READ_MARGIN_S = 10
BATCH = 100
PAUSE_S = 2.0
LONGEST_PAUSE_S = 30.0


class Intake:
    """Polls Telegram and fills the inbox; `arrived` is called after each commit that stored something new."""

    def __init__(self, bot: Bot, bot_id: int, database: Database, arrived: Callable[[], None]) -> None:
        self._bot = bot
        self._bot_id = bot_id
        self._database = database
        self._arrived = arrived

    async def run(self) -> None:
        """Polls until cancelled; every error is waited out and said."""
        pause, offset = PAUSE_S, None
        while True:
            try:
                offset = await self._once(offset)
                pause = PAUSE_S
            except TelegramError as error:
                _explain(error)
                await asyncio.sleep(max(pause, wait_of(error)))
                pause = min(pause * 2, LONGEST_PAUSE_S)
            except Exception:
                log.exception("updates not stored; they stay unconfirmed and will be fetched again")
                await asyncio.sleep(PAUSE_S)

    async def _once(self, offset: int | None) -> int | None:
        updates = await self._bot.get_updates(
            offset=offset, limit=BATCH, timeout=POLL_S, read_timeout=READ_MARGIN_S, allowed_updates=ALLOWED
        )
        if not updates:
            # Everything is confirmed. Telegram may begin again at a lower number after a quiet week: ask for all.
            return None
        await self.store(updates)
        return updates[-1].update_id + 1

    async def store(self, updates: Sequence[Update]) -> None:
        """Commits the updates to the inbox; what is there already changes nothing."""
        arrivals = [Arrival(update.update_id, chat_of(update), update.to_dict()) for update in updates]
        if await asyncio.to_thread(self._store, arrivals):
            self._arrived()

    def _store(self, arrivals: list[Arrival]) -> int:
        with self._database.begin() as session:
            return inbound.store(session, self._bot_id, arrivals)


def _explain(error: TelegramError) -> None:
    if isinstance(error, Conflict):
        log.warning("another program fetches this bot's updates; stop it, or delete its webhook", error=error.message)
    elif isinstance(error, InvalidToken):
        log.error("Telegram refuses the token; put the right one into TRIAN_TELEGRAM_TOKEN")
    elif isinstance(error, RetryAfter):
        log.warning("Telegram asks us to wait", seconds=wait_of(error))
    else:
        log.warning("no contact with Telegram; trying again", error=type(error).__name__)
