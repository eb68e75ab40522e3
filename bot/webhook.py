"""Updates by webhook: the same inbox, filled by Telegram's own requests."""

import asyncio
import contextlib
import hmac
import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import structlog
import uvicorn
from fastapi import FastAPI, Request, Response
from starlette.requests import ClientDisconnect
from telegram import Bot
from telegram.error import TelegramError

from bot import contact
from bot.telegram_api import wait_of
from bot.updates import ALLOWED
from bot.vitals import Vitals
from crm import clock
from crm.errors import SettingsProblem
from crm.settings import Settings

log = structlog.get_logger()
MAX_BODY_BYTES = 1_000_000
PATH = "/telegram"
LOOP = "webhook"
WATCH_S = 60.0
ERROR_FRESH = timedelta(minutes=3)  # Telegram posts again sooner than that
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"

Frozen = Callable[[], Awaitable[float]]
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


async def serve(bot: Bot, settings: Settings, store: Store, vitals: Vitals, frozen: Frozen) -> None:
    """Serves until cancelled, and tells Telegram where to post. Raises SettingsProblem without a URL."""
    if not settings.webhook_url:
        raise SettingsProblem("TRIAN_WEBHOOK_URL must be the public https address that leads to TRIAN_WEBHOOK_PORT")
    secret = settings.derived_secret("telegram-webhook")
    config = uvicorn.Config(
        make_app(secret, store), host=settings.host, port=settings.webhook_port, log_level="warning"
    )
    server = _Server(config)
    url = _url(settings)

    async def register() -> None:
        await bot.set_webhook(url, secret_token=secret, allowed_updates=ALLOWED)

    # Beside the serving: Telegram knows the address from before, and may post while it takes no call of ours.
    registering = asyncio.create_task(keep(bot, url, register, vitals, frozen))
    try:
        await server.serve()
    finally:
        registering.cancel()


async def keep(bot: Bot, url: str, register: contact.Call, vitals: Vitals, frozen: Frozen) -> None:
    """Registers, and asks from then on whether Telegram still posts to `url`; health reads what is wrong.

    `frozen`: for how many seconds Telegram wants no calls.
    """
    await contact.insist(register, vitals, LOOP)
    pause_s = WATCH_S
    while True:
        await asyncio.sleep(pause_s)
        try:
            if left_s := await frozen():
                pause_s = max(left_s, contact.RETRY_S)
                continue
            wrong, pause_s = await _trouble(bot, url, register), WATCH_S
        except TelegramError as error:
            contact.explain(error)
            wrong, pause_s = contact.trouble_of(error), max(contact.RETRY_S, wait_of(error))
        except Exception as error:
            log.exception("the webhook is not looked after; trying again")
            wrong, pause_s = f"not looked after: {type(error).__name__}", WATCH_S
        if wrong:
            vitals.trouble(LOOP, wrong)
        else:
            vitals.leave(LOOP)


async def _trouble(bot: Bot, url: str, register: contact.Call) -> str:
    """What is wrong with the webhook, and what to do; empty if nothing. One that is gone is registered again."""
    known = await bot.get_webhook_info()
    if known.url != url:
        log.warning("the webhook was taken away; it is registered again", now_at=_host(known.url))
        await register()
        return "another program takes this bot's updates; stop it, or give it a token of its own"
    error_at = known.last_error_date
    if not known.pending_update_count or error_at is None or clock.now() - error_at > ERROR_FRESH:
        return ""
    log.warning("Telegram cannot post to the webhook", why=known.last_error_message)
    return f"see that TRIAN_WEBHOOK_URL leads here and its certificate holds; Telegram says: {known.last_error_message}"


async def leave(bot: Bot, settings: Settings) -> None:
    """Makes way for polling; says so when that takes the updates away from somebody else's address."""
    known = await bot.get_webhook_info()
    if known.url and known.url != _url(settings):
        log.warning("this bot's updates went to a webhook that is not ours; it is deleted", at=_host(known.url))
    await bot.delete_webhook()


def _url(settings: Settings) -> str:
    return (settings.webhook_url or "").rstrip("/") + PATH


def _host(url: str) -> str:
    """As much of somebody's address as may stand in a log: its path is often a secret."""
    return urlsplit(url).hostname or ""
