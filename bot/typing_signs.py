"""Tells a customer's Telegram that somebody of the staff is typing. Never in a message's way, and never for certain."""

import asyncio

import structlog
from telegram import Bot
from telegram.constants import ChatAction
from telegram.error import TelegramError

from bot.telegram_api import wait_of
from crm import send_limits, typing_state
from crm.db import Database
from crm.typing_state import Signal

log = structlog.get_logger()
LOOK_S = 1.0
PAUSE_AFTER_ERROR_S = 30.0


class TypingSigns:
    """Looks once a second at who types, and sends Telegram's "typing", each chat once in five seconds."""

    def __init__(self, bot: Bot, database: Database, bot_id: int) -> None:
        self._bot = bot
        self._database = database
        self._bot_id = bot_id

    async def run(self) -> None:
        """Until cancelled. An error costs only the sign: it is waited out."""
        while True:
            pause_s = LOOK_S
            try:
                await self.show()
            except TelegramError as error:
                log.info("typing not shown", error=type(error).__name__)
                pause_s = max(PAUSE_AFTER_ERROR_S, wait_of(error))
            except Exception as error:
                log.warning("typing not looked up", error=type(error).__name__)
                pause_s = PAUSE_AFTER_ERROR_S
            await asyncio.sleep(pause_s)

    async def show(self) -> None:
        """Tells each chat that is to be told now, none while Telegram wants no calls. Raises TelegramError."""
        for signal in await asyncio.to_thread(self._take):
            await self._bot.send_chat_action(signal.chat_id, ChatAction.TYPING)

    def _take(self) -> list[Signal]:
        with self._database.read() as session:
            if not typing_state.is_any(session, self._bot_id) or send_limits.frozen_s(session, self._bot_id):
                return []
        with self._database.begin() as session:
            return typing_state.take(session, self._bot_id)
