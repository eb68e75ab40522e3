"""Telegram's side: the Bot object, and what its errors mean for a message."""

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, InputFile
from telegram.error import BadRequest, Forbidden, InvalidToken, NetworkError, RetryAfter, TelegramError, TimedOut

from bot.http import NEVER_SENT, HttpRequest, NoVerdict, call
from bot.updates import ALLOWED
from crm.dispatch import Letter, Outcome
from crm.settings import Settings

_GONE = ("chat not found", "user is deactivated", "bot was blocked", "bot was kicked", "user not found")
CALL_TIMEOUT_S = 15.0
CONNECT_TIMEOUT_S = 10.0
POOL = 200
FILE_TIMEOUT_S = 60.0  # 20 MB over a shop's own line
FILES = ("photo", "voice", "document")


def make_bot(settings: Settings) -> Bot:
    """A Bot for the settings' token, base URL and proxy. Not initialised: no call is made yet."""
    return Bot(
        token=settings.token,
        base_url=settings.api_base_url,
        base_file_url=settings.api_base_file_url,
        request=_request(settings, POOL),
        get_updates_request=_request(settings, 1),
    )


def _request(settings: Settings, connections: int) -> HttpRequest:
    return HttpRequest(connections, settings.telegram_proxy, CALL_TIMEOUT_S, CONNECT_TIMEOUT_S)


def polling_request(settings: Settings) -> HttpRequest:
    """Connections of their own for `fetch`: a long poll keeps one."""
    return _request(settings, 2)


async def fetch(
    request: HttpRequest, bot: Bot, offset: int | None, limit: int, poll_s: int, margin_s: int
) -> list[Any]:
    """Updates as Telegram gave them, unread: one that cannot be read must not keep the others back.

    Args:
        poll_s: seconds that Telegram waits for something to come; `margin_s` more are granted to its answer.
    """
    fields = {"limit": str(limit), "timeout": str(poll_s), "allowed_updates": json.dumps(ALLOWED)}
    if offset is not None:
        fields["offset"] = str(offset)
    updates = await call(request, f"{bot.base_url}/getUpdates", fields, poll_s + margin_s)
    return list(updates)


async def send(bot: Bot, letter: Letter, folder: Path) -> int:
    """Sends one message, its file from below `folder`, and returns Telegram's message id. Raises TelegramError."""
    text, markup = letter.body["text"], _markup(letter)
    kind = next((kind for kind in FILES if letter.body.get(kind)), None)
    if kind is None:
        return await _send_text(bot, letter.chat_id, text, markup)
    path = folder / letter.body[kind]
    content = InputFile(await asyncio.to_thread(path.read_bytes), filename=letter.body.get("name") or path.name)
    more: dict[str, Any] = {"caption": text or None, "reply_markup": markup, "read_timeout": FILE_TIMEOUT_S}
    match kind:
        case "photo":
            message = await bot.send_photo(letter.chat_id, content, **more)
        case "voice":
            message = await bot.send_voice(letter.chat_id, content, **more)
        case _:
            message = await bot.send_document(letter.chat_id, content, **more)
    return message.message_id


async def _send_text(bot: Bot, chat_id: int, text: str, markup: InlineKeyboardMarkup | None) -> int:
    """As Bot.send_message, which spends half of its time on objects for an answer of which we need one number."""
    fields = {"chat_id": str(chat_id), "text": text}
    if markup is not None:
        fields["reply_markup"] = markup.to_json()
    answer = await call(bot.request, f"{bot.base_url}/sendMessage", fields)
    return int(answer["message_id"])


def _markup(letter: Letter) -> InlineKeyboardMarkup | None:
    rows = letter.body.get("buttons")
    if not rows:
        return None
    return InlineKeyboardMarkup(
        [[InlineKeyboardButton(b["title"], callback_data=b["token"]) for b in row] for row in rows]
    )


def judge(error: TelegramError) -> Outcome:
    """What the error says of the message. BadRequest is a NetworkError there and every time-out is TimedOut."""
    if isinstance(error, RetryAfter):
        return Outcome.THROTTLED
    if isinstance(error, Forbidden):
        return Outcome.UNREACHABLE
    if isinstance(error, BadRequest):
        return Outcome.UNREACHABLE if any(words in error.message.lower() for words in _GONE) else Outcome.REJECTED
    if isinstance(error, InvalidToken):
        # The token was revoked, or a wrong one put in: the message is as good as before once that is mended.
        return Outcome.NOT_REACHED
    if isinstance(error, NetworkError | TimedOut):
        return _judge_network(error)
    # Its plain error is an answer of success that cannot be read: the message may have been taken.
    return Outcome.AMBIGUOUS if type(error) is TelegramError else Outcome.REJECTED


def _judge_network(error: NetworkError) -> Outcome:
    cause = error.__cause__
    if isinstance(error, NoVerdict):
        return Outcome.AMBIGUOUS
    if isinstance(cause, NEVER_SENT):
        return Outcome.NOT_REACHED
    # Any other HTTP answer, however broken, has no error of the connection behind it: Telegram's front said no.
    return Outcome.AMBIGUOUS if isinstance(cause, aiohttp.ClientError | OSError | TimeoutError) else Outcome.RETRY


def wait_of(error: TelegramError) -> float:
    """Seconds that Telegram asks us to wait, 0 if it does not."""
    if not isinstance(error, RetryAfter):
        return 0.0
    after = error.retry_after
    return after if isinstance(after, int | float) else after.total_seconds()
