"""The outer layers: nothing but public paths without a log-in, nothing from another site, headers on every answer."""

import asyncio
from urllib.parse import quote, urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from console import access, language, presence
from console.cookies import is_secure
from console.visits import Visitor
from crm import staff_sessions
from crm.db import database
from crm.settings import settings

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
TOKEN = "login"
# NiceGUI compiles its pages in the browser: inline scripts and eval cannot be forbidden, other origins can.
CSP = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HSTS = "max-age=31536000"
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class Doorkeeper:
    """ASGI layer below the session cookie: finds out who asks, and lets in whom `access` allows."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        connection = HTTPConnection(scope)
        if scope["path"].startswith("/api/"):
            return await self.app(scope, receive, send)  # has a gate of its own: a token, and never a cookie
        language.of_request.set(language.chosen(connection.session.get("language")))
        if _foreign(connection):
            return await _turn_away(scope, receive, send)
        # The path as it is routed: the address that a Host header is a part of can be made to look public.
        if not access.is_public(scope["path"]):
            visitor = scope["trian_visitor"] = await _visitor(connection.session.get(TOKEN))
            if visitor is None:
                return await _to_login(connection, receive, send)
            if not scope["path"].startswith(access.MACHINERY):
                presence.seen(visitor.token)
        return await self.app(scope, receive, send)


class Headers:
    """ASGI layer that puts the security headers on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if is_secure(scope):
                    headers.setdefault("Strict-Transport-Security", HSTS)
            await send(message)

        await self.app(scope, receive, with_headers if scope["type"] == "http" else send)


def _foreign(connection: HTTPConnection) -> bool:
    """Whether a page of another site sent this: its form (CSRF) or its WebSocket."""
    if connection.scope["type"] == "http" and connection.scope["method"] in SAFE_METHODS:
        return False
    origin = connection.headers.get("origin")
    if origin is not None:
        return urlsplit(origin).netloc != connection.headers.get("host")
    return connection.headers.get("sec-fetch-site", "none") not in ("none", "same-origin")


async def _visitor(token: str | None) -> Visitor | None:
    return await asyncio.to_thread(_look_up, token) if token else None


def _look_up(token: str) -> Visitor | None:
    with database(settings().database_url).read() as session:
        staff = staff_sessions.staff_of(session, token)
        return Visitor.of(staff, token) if staff else None


async def _turn_away(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        return await send({"type": "websocket.close", "code": 4403})
    return await PlainTextResponse("Requests from other sites are refused.", 403)(scope, receive, send)


async def _to_login(connection: HTTPConnection, receive: Receive, send: Send) -> None:
    scope = connection.scope
    if scope["type"] == "websocket":
        return await send({"type": "websocket.close", "code": 4401})
    if scope["method"] != "GET" or not connection.headers.get("accept", "").startswith("text/html"):
        return await PlainTextResponse("Log in first.", 401)(scope, receive, send)
    path = str(scope["path"])
    target = "/login" if path == "/" else f"/login?next={quote(path)}"
    return await RedirectResponse(target, 303)(scope, receive, send)
