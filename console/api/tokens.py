"""The gate of the API: a good token, within its rate, with a body of a bearable size; cookies count for nothing."""

import asyncio
import math
from dataclasses import dataclass

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from console.api.errors import Refused, problem
from console.api.rate import Allowance, Limiter
from crm import api_tokens
from crm.db import database
from crm.settings import settings

LARGEST_BODY = 5 * 1024 * 1024
_SCHEME = "bearer "


@dataclass(frozen=True)
class Caller:
    """Which system asks. `staff_id`: the row it acts as."""

    token_id: int
    staff_id: int
    scopes: frozenset[str]


class Gate:
    """ASGI layer around the whole API."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.limiter = Limiter(settings().api_rate)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await send({"type": "websocket.close", "code": 4403})
        caller = await _caller(Request(scope).headers.get("authorization", ""))
        if caller is None:
            hint = {"WWW-Authenticate": 'Bearer realm="Tri An"'}
            words = "Send `Authorization: Bearer <token>` with a token that is neither revoked nor run out."
            return await problem(401, "no_token", words, hint)(scope, receive, send)
        allowance = self.limiter.take(caller.token_id)
        if allowance.wait_s:
            return await self._too_many(allowance)(scope, receive, send)
        scope["trian_caller"] = caller
        return await self.app(scope, _limited(receive), self._telling(send, allowance))

    def _too_many(self, allowance: Allowance) -> ASGIApp:
        wait = math.ceil(allowance.wait_s)
        words = f"This token may make {self.limiter.per_minute} requests a minute. Try again in {wait} s."
        return problem(429, "too_many_requests", words, {"Retry-After": str(wait)})

    def _telling(self, send: Send, allowance: Allowance) -> Send:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["RateLimit-Limit"] = str(self.limiter.per_minute)
                headers["RateLimit-Remaining"] = str(allowance.left)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        return with_headers


def caller_of(request: Request) -> Caller:
    """Who asks. Raises Refused: the request did not come through the gate."""
    found = request.scope.get("trian_caller")
    if not isinstance(found, Caller):
        raise Refused(401, "no_token", "The request came past the gate.")
    return found


async def _caller(authorization: str) -> Caller | None:
    if not authorization.lower().startswith(_SCHEME):
        return None
    return await asyncio.to_thread(_look_up, authorization[len(_SCHEME) :].strip())


def _look_up(secret: str) -> Caller | None:
    here = database(settings().database_url)
    with here.read() as session:
        token = api_tokens.bearer(session, secret)
        if token is None:
            return None
        caller = Caller(token.id, token.staff_id, frozenset(map(str, token.scopes)))
        stale = api_tokens.use_is_stale(token)
    if stale:
        with here.begin() as session:
            api_tokens.was_used(session, caller.token_id)
    return caller


def _limited(receive: Receive) -> Receive:
    """Ends the reading of a body that is too large, whatever its sender says of its length."""
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > LARGEST_BODY:
            # FastAPI would turn any other exception that comes out of reading into a 400.
            raise HTTPException(413, f"A body may have {LARGEST_BODY} bytes; send several.")
        return message

    return counted
