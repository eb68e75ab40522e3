"""Two action servers: they take turns, and the death of one is nobody's loss."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from nlu.action_servers import ActionServers

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def dead() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/webhook"


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/webhook", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    try:
        yield f"http://127.0.0.1:{port}/webhook"
    finally:
        await runner.cleanup()


def answering(name: str, asked: list[str]) -> Handler:
    async def answer(_request: web.Request) -> web.Response:
        asked.append(name)
        return web.json_response({"by": name})

    return answer


async def ask(servers: ActionServers) -> str:
    return str((await servers.request(json={"next_action": "x"}, method="post", timeout=5))["by"])


def test_they_take_turns_and_one_that_is_gone_is_passed_over() -> None:
    async def script() -> None:
        async with serving(answering("one", [])) as one, serving(answering("two", [])) as two:
            both = ActionServers(f"{one}, {two}")
            assert {await ask(both), await ask(both)} == {"one", "two"}
            half = ActionServers(f"{one},{dead()}")
            assert [await ask(half) for _ in range(4)] == ["one"] * 4

    asyncio.run(script())


def test_an_action_that_a_server_died_under_runs_on_the_next() -> None:
    died: list[str] = []

    async def dies(request: web.Request) -> web.StreamResponse:
        died.append("one")
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    async def script() -> list[str]:
        async with serving(dies) as one, serving(answering("two", [])) as two:
            servers = ActionServers(f"{one},{two}")
            return [await ask(servers) for _ in range(4)]

    assert asyncio.run(script()) == ["two"] * 4
    assert died == ["one"], "it is left alone for a while"


def test_a_refusal_is_an_answer_and_nobody_there_is_an_error() -> None:
    asked: list[str] = []

    async def refuses(_request: web.Request) -> web.Response:
        asked.append("one")
        return web.json_response({"error": "no", "action_name": "x"}, status=400)

    async def script() -> None:
        async with serving(refuses) as one, serving(answering("two", asked)) as two:
            with pytest.raises(aiohttp.ClientError):
                await ask(ActionServers(f"{one},{two}"))
        with pytest.raises(aiohttp.ClientConnectionError):
            await ask(ActionServers(f"{dead()},{dead()}"))

    asyncio.run(script())
    assert asked == ["one"]


def test_none_is_refused() -> None:
    with pytest.raises(ValueError, match="TRIAN_ACTIONS_URL"):
        ActionServers(" , ")
