import httpx
import pytest
from telegram.error import BadRequest, Forbidden, NetworkError, RetryAfter, TelegramError, TimedOut

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
        (caused(NetworkError("x"), TelegramError("Invalid server response")), Outcome.RETRY),
        (caused(NetworkError("x"), httpx.ConnectError("refused")), Outcome.RETRY),
        (caused(TimedOut(), httpx.ConnectTimeout("t")), Outcome.RETRY),
        (caused(TimedOut(), httpx.PoolTimeout("t")), Outcome.RETRY),
        (caused(TimedOut(), httpx.ReadTimeout("t")), Outcome.AMBIGUOUS),
        (caused(TimedOut(), httpx.WriteTimeout("t")), Outcome.AMBIGUOUS),
        (caused(NetworkError("x"), httpx.ReadError("reset")), Outcome.AMBIGUOUS),
        (caused(NetworkError("x"), httpx.RemoteProtocolError("closed")), Outcome.AMBIGUOUS),
    ],
)
def test_what_an_error_says_of_the_message(error: TelegramError, outcome: Outcome) -> None:
    assert judge(error) is outcome


def test_the_wait_that_telegram_asks_for() -> None:
    assert wait_of(RetryAfter(7)) == 7
    assert wait_of(TimedOut()) == 0
