"""The console's cookies: the signed session, and the mark of browsers in which somebody logged in before.

Behind TLS both are Secure and carry the __Host- prefix, with which a browser takes them from no other host and over
no plain connection. Whether it is TLS says the proxy, if it is one that `TRIAN_TRUSTED_PROXIES` names.
"""

import hashlib
import secrets
from datetime import timedelta

from itsdangerous import BadData, URLSafeTimedSerializer
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from crm.login_waits import Origin
from crm.settings import settings

SESSION = "trian"
_KNOWN = "trian-known"
_HOST = "__Host-"
REMEMBERED = timedelta(days=180)
_PEOPLE = 5  # of one browser; the one who was there longest ago is forgotten


class Sessions:
    """ASGI layer that gives every request its session, from the cookie that fits the connection and no other."""

    def __init__(self, app: ASGIApp, secret: str) -> None:
        life_s = int(settings().session_hours * 3600)
        self._plain = SessionMiddleware(app, secret, SESSION, life_s)
        self._secure = SessionMiddleware(app, secret, _HOST + SESSION, life_s, https_only=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (self._secure if is_secure(scope) else self._plain)(scope, receive, send)


def is_secure(scope: Scope) -> bool:
    """Whether the browser speaks TLS, with us or with the proxy before us."""
    return scope.get("scheme") in ("https", "wss")


def origin_of(request: HTTPConnection, username: str) -> Origin:
    """Where a try to log in as `username` comes from."""
    address = request.client.host if request.client is not None else ""
    known = dict(_known(request)).get(_name(username), "")
    return Origin(address, request.headers.get("user-agent", ""), known)


def remember(request: HTTPConnection, response: Response, username: str) -> None:
    """Marks the browser as one in which `username` logged in: what others try elsewhere does not make it wait."""
    mine, others = _name(username), [pair for pair in _known(request) if pair[0] != _name(username)]
    marks = [[mine, secrets.token_urlsafe(16)], *others][:_PEOPLE]
    secure = is_secure(request.scope)
    response.set_cookie(
        _HOST + _KNOWN if secure else _KNOWN,
        str(_serializer().dumps(marks)),
        max_age=int(REMEMBERED.total_seconds()),
        secure=secure,
        httponly=True,
        samesite="lax",
    )


def _known(request: HTTPConnection) -> list[tuple[str, str]]:
    """Pairs of a person and the browser's number for them; a cookie that we did not write is none."""
    cookie = request.cookies.get(_HOST + _KNOWN if is_secure(request.scope) else _KNOWN, "")
    try:
        marks = _serializer().loads(cookie, max_age=int(REMEMBERED.total_seconds()))
    except BadData:
        return []
    return [(str(person), str(number)) for person, number in marks]


def _name(username: str) -> str:
    return hashlib.sha256(username.strip().lower().encode()).hexdigest()[:16]


def _serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(settings().derived_secret("known browsers"))
