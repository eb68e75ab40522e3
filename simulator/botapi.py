"""The Bot API over HTTP: /bot<token>/<method> and /file/bot<token>/<path>, with the faults a test armed."""

from __future__ import annotations

import asyncio
import re
import time
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.routing import Route

from simulator.connection import cut
from simulator.errors import ApiError
from simulator.faults import ACCEPTING, HTML_502, HTML_504, Fault
from simulator.methods import OUTGOING
from simulator.params import Params, read_params
from simulator.profile import ABOUT
from simulator.state import Bot, World
from simulator.updates import get_updates

Json = dict[str, Any]
_TOKEN = re.compile(r"\d+:[\w-]{20,}", re.ASCII)


class BotApi:
    """Answers the bot's calls; every call that would reach a customer is written into `world.calls`."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.router = APIRouter()
        # Plain routes: FastAPI's reading of arguments would be a third of what a call costs.
        self.router.routes.append(Route("/bot{token}/{method}", self.call, methods=["GET", "POST"]))
        self.router.add_api_route("/file/bot{token}/{path:path}", self.download, methods=["GET"])

    async def call(self, request: Request) -> Response:
        method = request.path_params["method"]
        name = method.lower()
        try:
            bot = self._bot(request.path_params["token"])
            params = await read_params(request)
            if name not in OUTGOING and name not in ABOUT and name != "getupdates":
                raise ApiError(404, "Not Found")
            return await self._serve(bot, method, params, request)
        except ApiError as error:
            return JSONResponse(error.body(), error.code)

    async def _serve(self, bot: Bot, method: str, params: Params, request: Request) -> Response:
        name = method.lower()
        fault = self.world.faults.take(name, params.chat_id())
        if fault and fault.kind not in ACCEPTING:
            self._log(bot, method, params, fault.kind, None)
            return await self._strike(fault, request)
        if fault and fault.kind == "slow":
            await self.world.pulse.until(lambda: False, fault.delay_s or 1.0)
        try:
            result = await self._run(bot, name, params, request)
        except ApiError as error:
            self._log(bot, method, params, str(error.code), None)
            raise
        self._log(bot, method, params, fault.kind if fault else "ok", result)
        if fault and fault.kind == "accept_then_hang":
            return await self._hang(fault, request)
        if fault and fault.kind == "accept_then_504":
            return HTMLResponse(HTML_504, 504)
        return JSONResponse({"ok": True, "result": result})

    def _bot(self, token: str) -> Bot:
        if not _TOKEN.fullmatch(token):
            raise ApiError(401, "Unauthorized")
        return self.world.bot_of(token)

    async def _run(self, bot: Bot, name: str, params: Params, request: Request) -> Any:
        if name == "getupdates":
            return await get_updates(self.world, bot, params, request.is_disconnected)
        return (OUTGOING.get(name) or ABOUT[name])(self.world, bot, params)

    async def _strike(self, fault: Fault, request: Request) -> Response:
        if fault.kind == "502_html":
            return HTMLResponse(HTML_502, 502)
        if fault.kind == "refuse_connection_reset":
            return await cut(request)
        if fault.kind == "hang":
            return await self._hang(fault, request)
        raise fault.error()

    async def _hang(self, fault: Fault, request: Request) -> Response:
        """Holds the connection without an answer until the caller leaves, the time is up or we stop; then cuts it."""
        left = asyncio.ensure_future(_left(request))
        left.add_done_callback(lambda _: self.world.pulse.fire())
        await self.world.pulse.until(left.done, fault.delay_s if fault.delay_s is not None else 3600.0)
        left.cancel()
        return await cut(request)

    def _log(self, bot: Bot, method: str, params: Params, outcome: str, result: Any) -> None:
        if method.lower() not in OUTGOING:
            return
        entry: Json = {
            "seq": len(self.world.calls) + 1,
            "monotonic": time.monotonic(),
            "time": time.time(),
            "bot": bot.id,
            "method": method,
            "outcome": outcome,
            "accepted": result is not None,
            "chat_id": params.chat_id(),
            "message_id": params.number("message_id"),
            "params": dict(params.values),
        }
        if isinstance(result, dict):
            entry["message_id"] = result["message_id"]
            entry["text"] = result.get("text") or result.get("caption")
            entry["markup"] = result.get("reply_markup")
        self.world.calls.append(entry)
        self.world.changed()

    async def download(self, token: str, path: str) -> Response:
        try:
            self._bot(token)
        except ApiError as error:
            return JSONResponse(error.body(), error.code)
        file = next((f for f in self.world.files.values() if f.path == path), None)
        if file is None:
            return JSONResponse(ApiError(404, "Not Found").body(), 404)
        return Response(file.data, media_type=file.mime)


async def _left(request: Request) -> None:
    """Returns when the caller has closed the connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
