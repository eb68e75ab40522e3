"""Whatever can stand on a message as its reason is said in the reader's language."""

from collections.abc import Iterator

import pytest
from telegram.error import BadRequest, Forbidden, InvalidToken, NetworkError, RetryAfter, TelegramError, TimedOut

from console import language, phrases
from crm import campaign_feeding, campaign_recipients, consents, dispatch, personal_fields, restored
from crm.contact_policy import Refusal

OUR_OWN = [
    *(refusal.value for refusal in Refusal),
    *(dispatch.EXPIRED, consents.WITHDRAWN, restored.RESTORED, personal_fields.LACKING, campaign_feeding.GONE),
    *(campaign_recipients.STOPPED, campaign_recipients.REWRITTEN),
    "the sender stopped during the call",
]
ERRORS: list[tuple[TelegramError, str]] = [
    (Forbidden("Forbidden: bot was blocked by the user"), "đã chặn"),
    (Forbidden("Forbidden: user is deactivated"), "Telegram"),
    (Forbidden("Forbidden: bot can't initiate conversation with a user"), "chưa từng nhắn"),
    (Forbidden("Forbidden: bot was kicked from the group chat"), "không được nhắn"),
    (BadRequest("Bad Request: chat not found"), "không còn"),
    (BadRequest("Bad Request: message is too long"), "dài quá"),
    (BadRequest("Bad Request: message text is empty"), "trống"),
    (BadRequest("Bad Request: can't parse entities: unsupported start tag"), "định dạng"),
    (BadRequest("Bad Request: BUTTON_DATA_INVALID"), "nút bấm"),
    (BadRequest("Bad Request: PHOTO_INVALID_DIMENSIONS"), "ảnh"),
    (BadRequest("Bad Request: file is too big"), "tệp"),
    (InvalidToken("Unauthorized"), "token"),
    (RetryAfter(7), "chậm lại"),
    (NetworkError("Bad Gateway"), "sự cố"),
    (NetworkError("ClientConnectorError"), "không kết nối"),
    (NetworkError("ServerDisconnectedError"), "mất kết nối"),
    (TimedOut("SocketTimeoutError"), "mất kết nối"),
    (TimedOut("ConnectionTimeoutError"), "không kết nối"),
    (TelegramError("Invalid server response"), "không đọc được"),
]


@pytest.fixture(autouse=True)
def _vietnamese() -> Iterator[None]:
    token = language.of_request.set("vi")
    yield
    language.of_request.reset(token)


@pytest.mark.parametrize("code", OUR_OWN)
def test_our_own_codes_are_known(code: str) -> None:
    assert code not in phrases.reason(code)
    assert "từ chối:" not in phrases.reason(code)


@pytest.mark.parametrize(("error", "words"), ERRORS)
def test_telegrams_errors_are_said_by_their_kind(error: TelegramError, words: str) -> None:
    assert words in phrases.reason(error.message)
    assert "từ chối:" not in phrases.reason(error.message)


def test_a_file_that_is_gone_and_what_nobody_knows() -> None:
    assert "không còn" in phrases.reason("FileNotFoundError: [Errno 2] No such file or directory: 'a.jpg'")
    assert phrases.reason("Bad Request: strange") == "Telegram từ chối: Bad Request: strange"
    assert phrases.reason(None) == ""
