"""Calls that tell Telegram how this bot works: each is repeated until it is taken, and nothing waits for them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from telegram.error import BadRequest, Conflict, InvalidToken, RetryAfter, TelegramError

from bot.telegram_api import wait_of
from bot.vitals import Vitals
from crm import health

log = structlog.get_logger()
RETRY_S = 2.0
LONGEST_RETRY_S = 60.0
Call = Callable[[], Awaitable[Any]]


def explain(error: TelegramError) -> None:
    """Logs why Telegram does not take a call."""
    if isinstance(error, InvalidToken):
        log.error("Telegram refuses the token; put the right one into TRIAN_TELEGRAM_TOKEN")
    elif isinstance(error, Conflict):
        log.warning("another program fetches this bot's updates; stop it, or delete its webhook", error=error.message)
    elif isinstance(error, RetryAfter):
        log.warning("Telegram asks us to wait", seconds=wait_of(error))
    elif isinstance(error, BadRequest):
        log.warning("refused by Telegram; trying again", detail=error.message)
    else:
        log.warning("no contact with Telegram; trying again", error=type(error).__name__)


def trouble_of(error: TelegramError) -> str:
    """The same for health."""
    if isinstance(error, Conflict):
        return "another program fetches this bot's updates"
    if isinstance(error, RetryAfter):
        return f"Telegram asks to wait {wait_of(error):.0f} s"
    if isinstance(error, BadRequest):
        return f"refused by Telegram: {error.message}"
    return f"{health.NOT_REACHED}: {type(error).__name__}"


async def insist(call: Call, vitals: Vitals, loop: str) -> None:
    """Repeats the call until Telegram takes it; meanwhile health reads at `loop` that it does not get on, and why."""
    while True:
        try:
            await call()
        except TelegramError as error:
            explain(error)
            vitals.trouble(loop, trouble_of(error))
            await asyncio.sleep(max(RETRY_S, wait_of(error)))
        else:
            vitals.leave(loop)
            return


async def offer(call: Call, what: str) -> None:
    """Makes a call that the bot can do without, ever more seldom until it is taken, or refused for what it says."""
    pause_s = RETRY_S
    while True:
        try:
            await call()
            return
        except BadRequest as error:
            log.warning("refused by Telegram; the bot works without it", what=what, detail=error.message)
            return
        except TelegramError as error:
            log.info("not taken by Telegram yet", what=what, error=type(error).__name__)
            await asyncio.sleep(max(pause_s, wait_of(error)))
            pause_s = min(pause_s * 2, LONGEST_RETRY_S)
