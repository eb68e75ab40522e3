from unittest.mock import Mock

import aiohttp
import pytest
from telegram.error import BadRequest, Forbidden, InvalidToken, NetworkError, RetryAfter, TelegramError, TimedOut

from bot.telegram_api import judge, wait_of
from crm.dispatch import Outcome


def caused(error: TelegramError, cause: Exception) -> TelegramError:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (RetryAfter(7), Outcome.THROTTLED),
        (Forbidden("bot was blocked by the user"), Outcome.UNREACHABLE),
        (BadRequest("Chat not found"), Outcome.UNREACHABLE),
        (BadRequest("Message text is empty"), Outcome.REJECTED),
        (NetworkError("Bad Gateway"), Outcome.RETRY),
        (InvalidToken("Unauthorized"), Outcome.NOT_REACHED),
        (caused(NetworkError("x"), TelegramError("Invalid server response")), Outcome.RETRY),
        (caused(NetworkError("x"), aiohttp.ClientConnectorError(Mock(), OSError("refused"))), Outcome.NOT_REACHED),
        (caused(NetworkError("x"), aiohttp.ClientHttpProxyError(Mock(), (), status=502)), Outcome.NOT_REACHED),
        (caused(TimedOut(), aiohttp.ConnectionTimeoutError("connecting, or no free connection")), Outcome.NOT_REACHED),
        (caused(TimedOut(), aiohttp.SocketTimeoutError("reading")), Outcome.AMBIGUOUS),
        (caused(TimedOut(), TimeoutError("in all")), Outcome.AMBIGUOUS),
        (TelegramError("Invalid server response"), Outcome.AMBIGUOUS),
        (caused(NetworkError("x"), aiohttp.ClientOSError("reset")), Outcome.AMBIGUOUS),
        (caused(NetworkError("x"), aiohttp.ServerDisconnectedError()), Outcome.AMBIGUOUS),
    ],
)
def test_what_an_error_says_of_the_message(error: TelegramError, outcome: Outcome) -> None:
    assert judge(error) is outcome


def test_the_wait_that_telegram_asks_for() -> None:
    assert wait_of(RetryAfter(7)) == 7
    assert wait_of(TimedOut()) == 0
