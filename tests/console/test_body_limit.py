"""What a request may send, by the layer alone: the browser's limit binds only those who keep to it."""

from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from console import body_limit


async def _length(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> TestClient:
    monkeypatch.setattr(body_limit, "LARGEST", 1000)
    application = Starlette(routes=[Route("/", _length, methods=["POST"])])
    application.add_middleware(body_limit.BodyLimit)
    return TestClient(application)


def test_a_body_is_as_large_as_an_upload_may_be_whatever_it_says_of_itself(small: TestClient) -> None:
    def pieces(count: int) -> Iterator[bytes]:
        yield from (b"x" * 100 for _ in range(count))

    assert small.post("/", content=b"x" * 1000).text == "1000"
    assert small.post("/", content=b"x" * 1001).status_code == 413
    assert small.post("/", content=pieces(10)).text == "1000"
    assert small.post("/", content=pieces(11)).status_code == 413
