"""Telegram's side: the Bot object, and what its errors mean for a message."""

import httpx
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup
from telegram.error import BadRequest, Forbidden, InvalidToken, NetworkError, RetryAfter, TelegramError, TimedOut
from telegram.request import HTTPXRequest

from crm.dispatch import Letter, Outcome
from crm.settings import Settings

_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_GONE = ("chat not found", "user is deactivated", "bot was blocked", "bot was kicked", "user not found")
CALL_TIMEOUT_S = 15.0
POOL = 64


def make_bot(settings: Settings) -> Bot:
    """A Bot for the settings' token, base URL and proxy. Not initialised: no call is made yet."""
    return Bot(
        token=settings.token,
        base_url=settings.api_base_url,
        base_file_url=settings.api_base_file_url,
        request=_request(settings, POOL),
        get_updates_request=_request(settings, 2),
    )


def _request(settings: Settings, pool: int) -> HTTPXRequest:
    return HTTPXRequest(
        connection_pool_size=pool,
        proxy=settings.telegram_proxy,
        read_timeout=CALL_TIMEOUT_S,
        write_timeout=CALL_TIMEOUT_S,
        connect_timeout=10.0,
        pool_timeout=5.0,
    )


async def send(bot: Bot, letter: Letter, photo_path: str | None) -> int:
    """Sends one message and returns Telegram's message id. Raises TelegramError."""
    text, markup = letter.body["text"], _markup(letter)
    if photo_path is None:
        message = await bot.send_message(letter.chat_id, text, reply_markup=markup)
    else:
        with open(photo_path, "rb") as photo:  # noqa: ASYNC230 - a shop's own small picture on the local disk
            message = await bot.send_photo(letter.chat_id, photo, caption=text, reply_markup=markup)
    return message.message_id


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
        return Outcome.RETRY
    if isinstance(error, NetworkError | TimedOut):
        return _judge_network(error)
    return Outcome.REJECTED


def _judge_network(error: NetworkError) -> Outcome:
    cause = error.__cause__
    if isinstance(cause, _NEVER_SENT):
        return Outcome.RETRY
    # An HTTP answer, however broken, has no httpx error behind it: Telegram's front said no.
    return Outcome.AMBIGUOUS if isinstance(cause, httpx.HTTPError) else Outcome.RETRY


def wait_of(error: TelegramError) -> float:
    """Seconds that Telegram asks us to wait, 0 if it does not."""
    if not isinstance(error, RetryAfter):
        return 0.0
    after = error.retry_after
    return after if isinstance(after, int | float) else after.total_seconds()
