"""The checks in front of every page and every event: no page or handler can be written that skips them."""

import inspect
from collections.abc import Awaitable, Callable, Set
from typing import Any, Concatenate, ParamSpec
from urllib.parse import parse_qs

from nicegui import Client, core, ui
from nicegui.context import context
from nicegui.language import Language
from starlette.requests import Request
from starlette.responses import Response

from console import language, notices, presence
from console.access import PAGES
from console.visits import Visit, visitor_of
from crm.errors import NotFound
from crm.models.staff import Staff

Parameters = ParamSpec("Parameters")
Builder = Callable[Concatenate[Visit, Parameters], Awaitable[None]]


class _Page(ui.page):
    """A NiceGUI page in the language of whoever asks for it."""

    def resolve_language(self) -> Language:
        return "vi" if language.current() == "vi" else "en-US"


def page(path: str) -> Callable[[Builder[Parameters]], Builder[Parameters]]:
    """Registers the page builder at `path` for the roles that `access.PAGES` names; KeyError if it names none."""
    roles = PAGES[path]

    def register(build: Builder[Parameters]) -> Builder[Parameters]:
        async def checked(request: Request, **arguments: Any) -> Response | None:
            visitor = visitor_of(request)
            if visitor is None or visitor.role not in roles:
                return notices.denied()
            visit = Visit(context.client, visitor, path)
            visit.begin(language.of_request.get())
            language.enter(visit.client.id)
            try:
                await build(visit, **arguments)  # type: ignore[call-arg]
            except NotFound:
                return notices.not_found()
            return None

        _take_signature(checked, build)
        _Page(path, response_timeout=10)(checked)
        return build

    return register


def _take_signature(checked: Callable[..., Any], build: Callable[..., Any]) -> None:
    """FastAPI reads path parameters off the signature: that of `build`, with the request instead of the visit."""
    own = list(inspect.signature(build).parameters.values())[1:]
    request = inspect.Parameter("request", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Request)
    checked.__signature__ = inspect.Signature([request, *own])  # type: ignore[attr-defined]


def install_event_gate() -> None:
    """Puts the gate in front of NiceGUI's own handling of whatever a browser sends over the socket."""
    theirs = dict(core.sio.handlers["/"])

    async def connect(sid: str, environ: dict[str, Any], auth: Any = None) -> bool:
        asked = parse_qs(environ.get("QUERY_STRING", "")).get("client_id", [""])[0]
        if asked and not _may_join(environ, asked):
            return False
        await theirs["connect"](sid, environ, auth)
        return True

    async def handshake(sid: str, message: dict[str, Any]) -> bool:
        asked = str(message.get("client_id", ""))
        return _may_join(core.sio.get_environ(sid), asked) and bool(await theirs["handshake"](sid, message))

    core.sio.on("connect", connect)
    core.sio.on("handshake", handshake)
    core.sio.on("event", _gate)
    for name in ("javascript_response", "ack", "log"):
        core.sio.on(name, _of_own_page(theirs[name]))
    core.sio.eio.cors_allowed_origins = None  # the same origin only; NiceGUI's own choice is every origin


def _may_join(environ: dict[str, Any], client_id: str) -> bool:
    """Whether the socket comes with the very log-in that the page was opened with: its news are for nobody else."""
    visit = Visit.open_now.get(client_id)
    visitor = environ["asgi.scope"].get("trian_visitor")
    return visit is not None and visitor is not None and visitor.token == visit.visitor.token


def _own_client(sid: str, message: dict[str, Any]) -> Client | None:
    """The page that the socket was let in to, if the message is for that one."""
    client = Client.instances.get(str(message.get("client_id", "")))
    return client if client is not None and client.id in core.sio.rooms(sid) else None


def _of_own_page(handle: Callable[[str, dict[str, Any]], None]) -> Callable[[str, dict[str, Any]], None]:
    def checked(sid: str, message: dict[str, Any]) -> None:
        if _own_client(sid, message) is not None:
            handle(sid, message)

    return checked


def _gate(sid: str, message: dict[str, Any]) -> None:
    client = _own_client(sid, message)
    visit = Visit.open_now.get(client.id) if client else None
    if client is None or visit is None or not client.has_socket_connection:
        return
    if visit.visitor.role in PAGES[visit.path]:
        presence.seen(visit.visitor.token)
        client.handle_event(message)


def dismiss(asked: Set[str], alive: dict[str, Staff]) -> None:
    """Sends to the log-in every screen whose session is not `alive` any more, or whose person changed role.

    Args:
        asked: the tokens that were looked up; a page that opened during the look waits for the next one.
    """
    for visit in [visit for visit in Visit.open_now.values() if visit.visitor.token in asked]:
        staff = alive.get(visit.visitor.token)
        if staff is None or staff.role is not visit.visitor.role:
            Visit.open_now.pop(visit.client.id, None)
            visit.client.open("/login" if staff is None else "/")
