"""Asking Rasa, against a small HTTP server that answers as Rasa might."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from bot.understanding import NotUnderstood, Understanding
from crm.settings import Settings
from crm.sightings import Heard

GOOD = json.dumps(
    {
        "messages": [{"text": "Dạ"}, {"text": "em nghe", "buttons": [{"title": "C", "payload": "/affirm"}]}],
        "intent": {"name": "greet"},
    }
).encode()


@asynccontextmanager
async def rasa(answer: Callable[[int], tuple[int, bytes]]) -> AsyncIterator[str]:
    asked = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        await reader.readuntil(b"\r\n\r\n")
        status, body = answer(asked)
        asked += 1
        writer.write(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (status, len(body)) + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


def asking(url: str, timeout_s: float = 3.0) -> Understanding:
    return Understanding(Settings(rasa_url=url, rasa_timeout_s=timeout_s))


async def test_texts_that_follow_each_other_become_one_message() -> None:
    async with rasa(lambda _: (200, GOOD)) as url:
        answer = await asking(url).ask({"text": "x"})
    (message,) = answer.messages
    assert message.text == "Dạ\n\nem nghe"
    assert message.buttons[0][0].payload == "/affirm"
    assert answer.heard.intent == "greet"


async def test_what_was_heard_comes_with_the_answer() -> None:
    ranking = [{"name": "nlu_fallback", "confidence": 0.45}, {"name": "payment", "confidence": 0.4}]
    body = {"messages": [], "intent": ranking[0], "ranking": ranking, "model": "trian-1.tar.gz", "answers_form": True}
    async with rasa(lambda _: (200, json.dumps(body).encode())) as url:
        heard = (await asking(url).ask({"text": "x"})).heard
    assert heard == Heard("nlu_fallback", 0.45, ranking[1:], "trian-1.tar.gz", answers_form=True)


async def test_a_rasa_that_is_starting_is_waited_for() -> None:
    async with rasa(lambda asked: (503, b"{}") if asked < 3 else (200, GOOD)) as url:
        assert (await asking(url).ask({"text": "x"})).heard.intent == "greet"


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b"x" * 2_000_000], ids=["html", "list", "empty", "huge"])
async def test_an_unusable_answer_is_no_answer(body: bytes) -> None:
    async with rasa(lambda _: (200, body)) as url:
        with pytest.raises(NotUnderstood):
            await asking(url).ask({"text": "x"})


async def test_an_error_is_not_tried_again_and_nobody_there_is_given_up_in_time() -> None:
    async with rasa(lambda asked: (500, b"{}") if asked == 0 else (200, GOOD)) as url:
        with pytest.raises(NotUnderstood):
            await asking(url).ask({"text": "x"})
    with pytest.raises(NotUnderstood):
        await asking("http://127.0.0.1:9", timeout_s=1.0).ask({"text": "x"})
