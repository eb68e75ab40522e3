"""Bringing updates to the bot: getUpdates as a long poll, and the webhook courier."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from simulator.errors import ApiError, bad_request
from simulator.params import Params
from simulator.state import Bot, World

Json = dict[str, Any]
log = logging.getLogger("simulator.updates")

MAX_LONG_POLL_S, MAX_RETRY_S, WEBHOOK_TIMEOUT_S = 50, 10.0, 30.0
_CONFLICT = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
_WEBHOOK_ACTIVE = (
    "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
)


def _confirm(bot: Bot, offset: int) -> None:
    """Forgets the updates below `offset`; a negative one keeps that many from the end.

    An offset far ahead of the counter belongs to an earlier numbering (Telegram restarts it after a quiet week) and
    confirms nothing.
    """
    if offset < 0:
        gone = bot.pending[:offset]
    elif offset > bot.next_update_id + 10:
        gone = [p for p in bot.pending if p.delivered]
    else:
        gone = [p for p in bot.pending if p.update["update_id"] < offset and (p.delivered or not p.forced)]
    if gone:
        bot.delivered.extend(p.update for p in gone)
        dropped = {id(p) for p in gone}
        bot.pending = [p for p in bot.pending if id(p) not in dropped]


def _set_allowed(bot: Bot, params: Params) -> None:
    allowed = params.json("allowed_updates", list)
    if allowed is not None:
        bot.allowed_updates = [str(kind) for kind in allowed]


async def get_updates(world: World, bot: Bot, params: Params, caller_left: Callable[[], Awaitable[bool]]) -> list[Json]:
    """Confirms below `offset`, then waits up to `timeout` seconds for updates. A newer poll ends an older with 409."""
    if bot.webhook:
        raise ApiError(409, _WEBHOOK_ACTIVE)
    _set_allowed(bot, params)
    _confirm(bot, params.number("offset") or 0)
    bot.poll += 1
    mine = bot.poll
    world.changed()
    limit = min(max(params.number("limit") or 100, 1), 100)
    timeout_s = min(max(params.number("timeout") or 0, 0), MAX_LONG_POLL_S)
    await world.pulse.until(lambda: bool(bot.pending or bot.poll != mine), timeout_s)
    if bot.poll != mine:
        raise ApiError(409, "Conflict: terminated by setWebhook request" if bot.webhook else _CONFLICT)
    if await caller_left():
        return []
    batch = bot.pending[:limit]
    for pending in batch:
        pending.delivered += 1
    return [pending.update for pending in batch]


def _drop_pending(bot: Bot, params: Params) -> None:
    if params.flag("drop_pending_updates"):
        bot.pending.clear()


def set_webhook(world: World, bot: Bot, params: Params) -> bool:
    """Unlike Telegram, plain http addresses are taken: the bot under test listens on 127.0.0.1."""
    url, secret = params.text("url") or "", params.text("secret_token") or ""
    if not re.fullmatch(r"[A-Za-z0-9_-]{0,256}", secret):
        raise bad_request("secret token contains unallowed characters")
    if url and not url.startswith(("http://", "https://")):
        raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
    _set_allowed(bot, params)
    _drop_pending(bot, params)
    bot.webhook = {"url": url, "secret": secret} if url else {}
    bot.poll += 1
    world.changed()
    return True


def delete_webhook(world: World, bot: Bot, params: Params) -> bool:
    _drop_pending(bot, params)
    bot.webhook = {}
    world.changed()
    return True


def webhook_info(world: World, bot: Bot, params: Params) -> Json:
    info: Json = {
        "url": bot.webhook.get("url", ""),
        "has_custom_certificate": False,
        "pending_update_count": len(bot.pending),
    }
    if bot.webhook:
        info |= {"max_connections": 1, "allowed_updates": bot.allowed_updates}
        info |= {k: v for k, v in bot.webhook.items() if k.startswith("last_error")}
    return info


class Courier:
    """Delivers to webhooks: each bot's updates one at a time and in order, repeated until a 2xx answer."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._running: dict[int, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Keeps one delivering task for each bot that has a webhook; ends when the world closes."""
        world = self.world
        async with httpx.AsyncClient(trust_env=False, timeout=WEBHOOK_TIMEOUT_S) as client:
            while not world.pulse.closed:
                for bot in world.bots.values():
                    task = self._running.get(bot.id)
                    if bot.webhook and bot.pending and (task is None or task.done()):
                        self._running[bot.id] = asyncio.create_task(self._deliver(client, bot))
                await world.pulse.until(self._work_waits, 1.0)
            for task in self._running.values():
                task.cancel()
            await asyncio.gather(*self._running.values(), return_exceptions=True)

    def _work_waits(self) -> bool:
        idle = (b for b in self.world.bots.values() if b.id not in self._running or self._running[b.id].done())
        return self.world.pulse.closed or any(bot.webhook and bot.pending for bot in idle)

    async def _deliver(self, client: httpx.AsyncClient, bot: Bot) -> None:
        pause_s = 0.25
        while bot.webhook and bot.pending and self.world.bots.get(bot.id) is bot:
            pending = bot.pending[0]
            error = await self._post(client, bot.webhook, pending.update)
            if error is None:
                pending.delivered += 1
                bot.pending = [p for p in bot.pending if p is not pending]
                bot.delivered.append(pending.update)
                self.world.changed()
                pause_s = 0.25
                continue
            log.warning("webhook of bot %s: %s", bot.id, error)
            if bot.webhook:
                bot.webhook |= {"last_error_date": int(time.time()), "last_error_message": error}
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, MAX_RETRY_S)

    async def _post(self, client: httpx.AsyncClient, webhook: Json, update: Json) -> str | None:
        """None when the bot took the update, else what went wrong in Telegram's words."""
        headers = {"X-Telegram-Bot-Api-Secret-Token": webhook["secret"]} if webhook["secret"] else {}
        try:
            answer = await client.post(webhook["url"], json=update, headers=headers)
        except httpx.TimeoutException:
            return "Read timeout expired"
        except httpx.HTTPError as error:
            return f"Connection failed: {type(error).__name__}"
        if answer.is_success:
            return None
        return f"Wrong response from the webhook: {answer.status_code} {answer.reason_phrase}"
