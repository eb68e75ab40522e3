"""A room for the channel's tests: the channel over real HTTP on 127.0.0.1, with an action server that can misbehave."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from rasa.core.agent import Agent
from rasa.core.channels.channel import register
from rasa.utils.endpoints import EndpointConfig
from sanic import Sanic

from nlu.channel import SECRET_HEADER, TrianInput
from nlu.tracker_store import TrianTrackerStore

SECRET = "thư-mật"
_numbers = itertools.count()


@dataclass
class ActionServer:
    """Answers every action with one message, counts the calls and keeps the bodies."""

    calls: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200
    text: str = "Dạ còn bảo hành ạ."
    events: list[dict[str, Any]] = field(default_factory=list)
    delay_s: float = 0.0

    async def answer(self, request: web.Request) -> web.Response:
        self.calls.append(await request.json())
        await asyncio.sleep(self.delay_s)
        if self.status != 200:
            return web.json_response({"error": "broken"}, status=self.status)
        return web.json_response({"events": self.events, "responses": [{"text": self.text}]})


@dataclass
class Room:
    """`ask` sends one turn and returns (status, body)."""

    url: str
    session: aiohttp.ClientSession
    agent: Agent | None
    actions: ActionServer

    async def ask(self, turn_id: str, conversation_id: str = "100001", **body: Any) -> tuple[int, dict[str, Any]]:
        return await self.post({"conversation_id": conversation_id, "turn_id": turn_id, **body})

    async def post(self, body: Any, secret: str = SECRET, **kwargs: Any) -> tuple[int, dict[str, Any]]:
        sent = {"data": body} if isinstance(body, (bytes, str)) else {"json": body}
        headers = {SECRET_HEADER: secret, **kwargs.pop("headers", {})}
        async with self.session.post(f"{self.url}/turn", headers=headers, **sent, **kwargs) as response:
            return response.status, await response.json()

    async def health(self) -> tuple[int, dict[str, Any]]:
        async with self.session.get(f"{self.url}/health") as response:
            return response.status, await response.json()


@asynccontextmanager
async def room(model: Path | None, tracker_url: str = "sqlite://") -> AsyncIterator[Room]:
    """Open the room with a model, or with none."""
    actions = ActionServer()
    runner = web.AppRunner(_action_app(actions))
    await runner.setup()
    port = _free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    endpoint = EndpointConfig(f"http://127.0.0.1:{port}/webhook")
    agent = _agent(model, tracker_url, endpoint) if model else None
    try:
        async with _serving(agent) as url, aiohttp.ClientSession() as session:
            yield Room(url, session, agent, actions)
    finally:
        await runner.cleanup()


def _agent(model: Path, tracker_url: str, endpoint: EndpointConfig) -> Agent:
    store = TrianTrackerStore(host=tracker_url)
    return Agent.load(model, tracker_store=store, action_endpoint=endpoint)


def _action_app(actions: ActionServer) -> web.Application:
    app = web.Application()
    app.router.add_post("/webhook", actions.answer)
    return app


@asynccontextmanager
async def _serving(agent: Agent | None) -> AsyncIterator[str]:
    app = Sanic(f"room_{next(_numbers)}", configure_logging=False)
    app.ctx.agent = agent
    Sanic.test_mode = True  # Sanic rewrites its methods at each start; only so it can start twice in a process
    register([TrianInput.from_credentials({"secret": SECRET})], app, route="/webhooks/")
    port = _free_port()
    server = await app.create_server("127.0.0.1", port, return_asyncio_server=True, access_log=False)
    await server.startup()
    try:
        yield f"http://127.0.0.1:{port}/webhooks/trian"
    finally:
        server.close()
        await server.wait_closed()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
