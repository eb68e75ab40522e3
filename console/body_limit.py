"""How much a request may send: the browser's own limit binds only those who keep to it."""

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crm.attachments import MOST_BYTES
from crm.import_tables import MAX_BYTES

AROUND = 1_000_000  # what a form puts around a file
LARGEST = max(MOST_BYTES, MAX_BYTES) + AROUND


class BodyLimit:
    """ASGI layer that refuses what is larger than the largest upload, before all of it lies on the disk."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        length = Headers(scope=scope).get("content-length", "0")
        if length.isdecimal() and int(length) > LARGEST:
            return await PlainTextResponse("Too large.", 413)(scope, receive, send)
        return await self.app(scope, _counted(receive), send)


def _counted(receive: Receive) -> Receive:
    """For bodies that do not say how long they are, or not the truth."""
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > LARGEST:
            raise HTTPException(413, "Too large.")
        return message

    return counted
