"""Reaching the TCP connection under a request, to cut it: what a dying network does, no HTTP answer can show."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

from fastapi import Request, Response
from starlette.types import ASGIApp, Receive, Scope, Send

_KEY = "simulator.transport"


class WithTransport:
    """Outermost ASGI layer: notes uvicorn's transport in the scope (uvicorn's `send` is a method of its owner)."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[_KEY] = getattr(getattr(send, "__self__", None), "transport", None)
        await self.app(scope, receive, send)


async def cut(request: Request) -> Response:
    """Resets the connection (RST, so the caller sees a reset and no answer). The response returned goes nowhere."""
    transport: Any = request.scope.get(_KEY)
    if transport is not None and not transport.is_closing():
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
        await asyncio.sleep(0.01)  # lets the server notice, so that it does not write to the dead connection
    return Response(status_code=499)
