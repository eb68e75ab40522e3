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
        if not status:
            writer.close()
            return
        writer.write(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (status, len(body)) + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


OPEN: list[Understanding] = []


@pytest.fixture(autouse=True)
async def _closed() -> AsyncIterator[None]:
    yield
    while OPEN:
        await OPEN.pop().close()


def asking(url: str, timeout_s: float = 3.0) -> Understanding:
    OPEN.append(Understanding(Settings(rasa_url=url, rasa_timeout_s=timeout_s)))
    return OPEN[-1]


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


async def test_of_two_rasas_the_one_that_is_there_answers_every_time() -> None:
    asked: list[int] = []

    def answer(number: int) -> tuple[int, bytes]:
        asked.append(number)
        return 200, GOOD

    async with rasa(answer) as url:
        two = asking(f"http://127.0.0.1:9, {url}/")
        assert [(await two.ask({"text": "x"})).heard.intent for _ in range(4)] == ["greet"] * 4
    assert asked == [0, 1, 2, 3]


@pytest.mark.parametrize("failure", [(500, b"{}"), (502, b"{}"), (503, b"{}"), (0, b"")], ids=str)
async def test_what_fails_at_one_is_asked_at_the_other(failure: tuple[int, bytes]) -> None:
    async with rasa(lambda _: failure) as bad, rasa(lambda _: (200, GOOD)) as good:
        two = asking(f"{bad},{good}")
        assert [(await two.ask({"text": "x"})).heard.intent for _ in range(3)] == ["greet"] * 3


async def test_an_error_of_both_is_no_answer() -> None:
    count = 0

    def fail(_: int) -> tuple[int, bytes]:
        nonlocal count
        count += 1
        return 500, b"{}"

    async with rasa(fail) as one, rasa(fail) as two:
        with pytest.raises(NotUnderstood):
            await asking(f"{one},{two}").ask({"text": "x"})
    assert count == 2


async def test_a_rasa_that_breaks_off_is_asked_again() -> None:
    async with rasa(lambda asked: (0, b"") if asked == 0 else (200, GOOD)) as url:
        assert (await asking(url).ask({"text": "x"})).heard.intent == "greet"


async def test_one_that_hangs_leaves_time_for_the_other() -> None:
    async def hang(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    silent = await asyncio.start_server(hang, "127.0.0.1", 0)
    async with rasa(lambda _: (200, GOOD)) as good:
        two = asking(f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]},{good}")
        assert [(await two.ask({"text": "x"})).heard.intent for _ in range(2)] == ["greet"] * 2
    silent.close()
