"""Calls over real connections, against small servers that behave as a network may."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from telegram.error import TelegramError

from bot.http import HttpRequest, call
from bot.telegram_api import judge
from crm.dispatch import Outcome

REFUSED = b"HTTP/1.1 %d Sorry\r\nContent-Length: %d\r\n\r\n%s"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(serve: Serve) -> AsyncIterator[int]:
    running = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield running.sockets[0].getsockname()[1]
    running.close()


@asynccontextmanager
async def request(connections: int = 4, proxy: str | None = None) -> AsyncIterator[HttpRequest]:
    asked = HttpRequest(connections, proxy, timeout_s=0.3, connect_s=0.3)
    await asked.initialize()
    yield asked
    await asked.shutdown()


async def outcome(asked: HttpRequest, url: str) -> Outcome:
    with pytest.raises(TelegramError) as caught:
        await call(asked, url, {"text": "x"})
    return judge(caught.value)


async def test_a_proxy_is_asked_for_what_telegram_is_to_get() -> None:
    asked_for: list[bytes] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        asked_for.append(head.partition(b"\r\n")[0])
        writer.write(
            OK.replace(b"Content-Length: 2", b"Content-Length: 25").replace(b"{}", b'{"ok":true,"result":true}')
        )
        await writer.drain()

    async with server(proxy) as port, request(proxy=f"http://127.0.0.1:{port}") as asked:
        assert await call(asked, "http://telegram.invalid/bot1:x/sendMessage", {"text": "chào"}) is True
    assert asked_for == [b"POST http://telegram.invalid/bot1:x/sendMessage HTTP/1.1"]


async def test_nobody_there_and_no_free_connection_mean_never_sent_and_silence_means_that_nobody_knows() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(1)

    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()

    async with request() as asked:
        assert await outcome(asked, "http://127.0.0.1:9/") is Outcome.NOT_REACHED
    async with server(silent) as port, request() as asked:
        assert await outcome(asked, f"http://127.0.0.1:{port}/") is Outcome.AMBIGUOUS
    async with server(cut) as port, request() as asked:
        assert await outcome(asked, f"http://127.0.0.1:{port}/") is Outcome.AMBIGUOUS
    async with server(silent) as port, request(connections=1) as asked:
        asked._timeout_s = 5.0
        first = asyncio.create_task(call(asked, f"http://127.0.0.1:{port}/", {"text": "x"}))
        await asyncio.sleep(0.05)
        assert await outcome(asked, f"http://127.0.0.1:{port}/") is Outcome.NOT_REACHED
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)


@pytest.mark.parametrize("body", [b"<html>nginx</html>", b'{"ok":false,"error_code":500,"description":"Internal"}'])
@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        (500, Outcome.AMBIGUOUS),
        (502, Outcome.RETRY),
        (503, Outcome.RETRY),
        (504, Outcome.AMBIGUOUS),
        (524, Outcome.AMBIGUOUS),
    ],
)
async def test_a_failure_behind_the_front_says_nothing_of_the_message(
    status: int, meaning: Outcome, body: bytes
) -> None:
    async def failing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(REFUSED % (status, len(body), body))
        await writer.drain()

    async with server(failing) as port, request() as asked:
        assert await outcome(asked, f"http://127.0.0.1:{port}/") is meaning
