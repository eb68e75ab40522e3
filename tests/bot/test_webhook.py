import asyncio
import json
from collections.abc import Iterator, MutableMapping, Sequence
from typing import Any

import pytest
from fastapi.testclient import TestClient

from bot.webhook import MAX_BODY_BYTES, PATH, SECRET_HEADER, make_app

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
