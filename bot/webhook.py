"""Updates by webhook: the same inbox, filled by Telegram's own requests."""

import asyncio
import contextlib
import hmac
import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from starlette.requests import ClientDisconnect
from telegram import Bot

from bot import contact
from bot.updates import ALLOWED
from bot.vitals import Vitals
from crm.errors import SettingsProblem
from crm.settings import Settings

MAX_BODY_BYTES = 1_000_000
PATH = "/telegram"
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"

Store = Callable[[Sequence[dict[str, Any]]], Awaitable[None]]


def make_app(secret: str, store: Store) -> FastAPI:
    """The endpoint. It answers 200 only after the update is committed: 403, 415, 413 and 400 store nothing."""
    app = FastAPI(openapi_url=None)

    @app.post(PATH)
    async def receive(request: Request) -> Response:
        if not hmac.compare_digest(request.headers.get(SECRET_HEADER, "").encode(), secret.encode()):
            return Response(status_code=403)
        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            return Response(status_code=415)
        try:
            body = await _body(request)
        except ClientDisconnect:  # nobody reads the answer any more; Telegram posts it again
            return Response(status_code=400)
        if body is None:
            return Response(status_code=413)
        update = _parse(body)
        if update is None:
            return Response(status_code=400)
        await store([update])
        return Response(status_code=200)

    return app


async def _body(request: Request) -> bytes | None:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            return None
    return bytes(body)


def _parse(body: bytes) -> dict[str, Any] | None:
    """The update as it came; None for what is none. Whether it can be understood is for its turn to see."""
    try:
        update = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return update if isinstance(update, dict) and isinstance(update.get("update_id"), int) else None


class _Server(uvicorn.Server):
    """A server that leaves the process's signals to the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(bot: Bot, settings: Settings, store: Store, vitals: Vitals) -> None:
    """Serves until cancelled, and tells Telegram where to post. Raises SettingsProblem without a URL."""
    if not settings.webhook_url:
        raise SettingsProblem("TRIAN_WEBHOOK_URL must be the public https address that leads to TRIAN_WEBHOOK_PORT")
    secret = settings.derived_secret("telegram-webhook")
    config = uvicorn.Config(
        make_app(secret, store), host=settings.host, port=settings.webhook_port, log_level="warning"
    )
    server = _Server(config)
    url = settings.webhook_url.rstrip("/") + PATH

    async def register() -> None:
        await bot.set_webhook(url, secret_token=secret, allowed_updates=ALLOWED)

    # Beside the serving: Telegram knows the address from before, and may post while it takes no call of ours.
    registering = asyncio.create_task(contact.insist(register, vitals, "webhook"))
    try:
        await server.serve()
    finally:
        registering.cancel()
