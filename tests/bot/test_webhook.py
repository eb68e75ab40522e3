import asyncio
import json
from collections.abc import AsyncIterator, Iterator, MutableMapping, Sequence
from itertools import count
from typing import Any, cast

import pytest
from fastapi.testclient import TestClient
from structlog.testing import capture_logs
from telegram import Bot
from telegram.error import NetworkError

from bot import contact, intake, webhook
from bot.vitals import Vitals
from bot.webhook import MAX_BODY_BYTES, PATH, SECRET_HEADER, make_app
from crm import health
from crm.db import Database
from crm.settings import settings
from tests.simulator.conftest import TOKEN, Control, free_port

SECRET = "s" * 32
UPDATE = {"update_id": 5, "message": {"message_id": 1, "date": 1, "chat": {"id": 9, "type": "private"}, "text": "chào"}}
JSON = {"content-type": "application/json", SECRET_HEADER: SECRET}


class Store:
    def __init__(self) -> None:
        self.stored: list[int] = []

    async def __call__(self, updates: Sequence[dict[str, Any]]) -> None:
        self.stored += [update["update_id"] for update in updates]


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def client(store: Store) -> TestClient:
    return TestClient(make_app(SECRET, store))


def test_an_update_is_stored_before_it_is_confirmed(client: TestClient, store: Store) -> None:
    assert client.post(PATH, content=json.dumps(UPDATE), headers=JSON).status_code == 200
    assert store.stored == [5]


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({**JSON, SECRET_HEADER: "wrong"}, json.dumps(UPDATE), 403),
        ({"content-type": "application/json"}, json.dumps(UPDATE), 403),
        ({**JSON, "content-type": "text/plain"}, json.dumps(UPDATE), 415),
        (JSON, "x" * (MAX_BODY_BYTES + 1), 413),
        (JSON, '{"update_id": ', 400),
        (JSON, "[1, 2]", 400),
        (JSON, "[" * 100_000, 400),
        (JSON, '{"update_id": "5"}', 400),
        (JSON, '{"message": {}}', 400),
    ],
)
def test_what_is_not_telegrams_is_refused_and_nothing_is_stored(
    client: TestClient, store: Store, headers: dict[str, str], body: str, status: int
) -> None:
    assert client.post(PATH, content=body, headers=headers).status_code == status
    assert store.stored == []


def test_a_request_that_breaks_off_is_no_error_and_stores_nothing(store: Store) -> None:
    scope = {
        "type": "http",
        "method": "POST",
        "path": PATH,
        "raw_path": PATH.encode(),
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in JSON.items()],
    }
    pieces: Iterator[dict[str, Any]] = iter(
        [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
    )
    answers: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return next(pieces)

    async def send(message: MutableMapping[str, Any]) -> None:
        answers.append(dict(message))

    asyncio.run(make_app(SECRET, store)(scope, receive, send))
    assert answers[0]["status"] == 400
    assert store.stored == []


class _Vitals:
    """Writes down what health would read."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def trouble(self, loop: str, words: str) -> None:
        assert loop == webhook.LOOP
        self.told.append(words)

    def leave(self, loop: str) -> None:
        assert loop == webhook.LOOP
        self.told.append("")


@pytest.fixture
async def bot(address: str, control: Control) -> AsyncIterator[Bot]:
    async with Bot(TOKEN, base_url=f"{address}/bot") as bot:
        yield bot


@pytest.fixture
async def kept(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[str, list[str]]]:
    """The webhook's address, at which nobody listens, and what health has been told since its registration."""
    monkeypatch.setattr(webhook, "WATCH_S", 0.05)
    monkeypatch.setattr(contact, "RETRY_S", 0.05)
    url, vitals = f"http://127.0.0.1:{free_port()}{PATH}", _Vitals()

    async def register() -> None:
        await bot.set_webhook(url)

    asked = count()

    async def frozen() -> float:
        number = next(asked)
        if number == 1:
            raise RuntimeError("the database is away for a moment")
        return 0.01 if number == 0 else 0.0

    keeping = asyncio.create_task(webhook.keep(bot, url, register, cast(Vitals, vitals), frozen))
    await _told(vitals.told, "")
    yield url, vitals.told
    keeping.cancel()


async def _told(told: list[str], words: str) -> None:
    """Returns when health is told something with these words, "" for nothing wrong, after all it was told before."""
    known = len(told)
    for _ in range(400):
        if any(words in each if words else not each for each in told[known:]):
            return
        await asyncio.sleep(0.05)
    pytest.fail(f"health was not told: {words!r}, but {told[known:]}")


async def test_what_fails_beside_telegram_does_not_end_the_watch(kept: tuple[str, list[str]]) -> None:
    _, told = kept
    for _ in range(200):
        if told and "RuntimeError" in "".join(told[:-1]) and not told[-1]:
            return
        await asyncio.sleep(0.05)
    pytest.fail(f"health was told {told}")


async def test_a_webhook_that_another_program_took_away_is_registered_again_and_health_says_so(
    bot: Bot, kept: tuple[str, list[str]]
) -> None:
    url, told = kept
    await bot.delete_webhook()
    await _told(told, "another program")
    assert (await bot.get_webhook_info()).url == url
    await _told(told, "")
    await bot.set_webhook("https://elsewhere.example/hook")
    await _told(told, "another program")
    assert (await bot.get_webhook_info()).url == url


async def test_health_says_that_telegram_cannot_post(bot: Bot, control: Control, kept: tuple[str, list[str]]) -> None:
    _, told = kept
    control.post("/users", id=5, first_name="Hạnh")
    control.post("/chats/5/start")
    await _told(told, "TRIAN_WEBHOOK_URL")
    assert "Connection failed" in told[-1]


async def test_a_telegram_that_does_not_answer_is_asked_again(
    bot: Bot, control: Control, kept: tuple[str, list[str]]
) -> None:
    _, told = kept
    control.post("/faults", method="getWebhookInfo", kind="502_html", count=2)
    await _told(told, f"{health.NOT_REACHED}: {NetworkError.__name__}")
    await _told(told, "")


@pytest.mark.parametrize(
    ("url", "at"),
    [("", []), ("https://elsewhere.example/secret", ["elsewhere.example"]), ("https://shop.example/telegram", [])],
)
async def test_polling_says_whose_webhook_it_deletes(bot: Bot, url: str, at: list[str]) -> None:
    here = settings().model_copy(update={"webhook_url": "https://shop.example/"})
    if url:
        await bot.set_webhook(url)
    with capture_logs() as logs:
        await webhook.leave(bot, here)
    assert [line["at"] for line in logs if line["log_level"] == "warning"] == at
    assert (await bot.get_webhook_info()).url == ""


class _Deaf(_Vitals):
    def trouble(self, loop: str, words: str) -> None:
        self.told.append(words)

    def mark(self, _loop: str) -> None:
        self.told.append("")


async def test_polling_makes_way_again_where_a_webhook_comes_back(
    bot: Bot, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As from a bot in webhook mode that ran on for a while beside the one that polls."""
    monkeypatch.setattr(intake, "PAUSE_S", 0.05)
    monkeypatch.setattr(intake, "LONGEST_PAUSE_S", 0.1)
    monkeypatch.setattr(intake, "POLL_S", 1)
    vitals = _Deaf()
    polling = asyncio.create_task(intake.Intake(bot, settings(), database, cast(Vitals, vitals), lambda: None).run())
    await _told(vitals.told, "")
    await bot.set_webhook("https://elsewhere.example/hook")
    await _told(vitals.told, "another program")
    await _told(vitals.told, "")
    assert (await bot.get_webhook_info()).url == ""
    polling.cancel()
