"""One turn of a conversation at a time: locks in memory for one Rasa, in Redis for several."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from rasa.core.lock_store import LOCK_LIFETIME, InMemoryLockStore, LockError
from rasa.utils.endpoints import EndpointConfig
from redis.asyncio import Redis
from redis.asyncio.lock import Lock
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff
from redis.exceptions import LockError as NotLocked
from redis.exceptions import LockNotOwnedError, RedisError

logger = logging.getLogger(__name__)

LIFETIME_S = 4.0  # how long the lock of a Rasa that died holds the customer up
RENEW_S = 1.0
WAIT_S = 6.0  # the bot asks again within its own patience
POLL_S = 0.05
_FAILURES = (RedisError, OSError, asyncio.TimeoutError)


class TrianLockStore(InMemoryLockStore):
    """Takes `url` from endpoints.yml: empty for locks in memory, or `redis://:password@host:6379/1`, or `rediss://…`.

    Rasa's own Redis store is not used: it reads, changes and writes a ticket list in three steps, so that two servers
    may both believe they hold it; it blocks the whole server while Redis is slow; its locks outlive their holder by a
    minute. Here one lock is one `SET NX PX`, renewed while the turn runs. Should it be lost all the same (Redis
    restarted, this process stood still), the tracker store refuses the late writer.
    """

    def __init__(self, endpoint_config: EndpointConfig | None = None) -> None:
        """`key_prefix` and `socket_timeout` (seconds) stand beside the URL. Raises ValueError for no such URL."""
        super().__init__()
        options: dict[str, Any] = dict(endpoint_config.kwargs) if endpoint_config else {}
        self._prefix = str(options.get("key_prefix") or "trian:lock:")
        url = endpoint_config.url if endpoint_config else None
        self._redis = _client(url, float(options.get("socket_timeout") or 2.0)) if url else None
        self._away = False

    @asynccontextmanager
    async def lock(
        self, conversation_id: str, lock_lifetime: float = LOCK_LIFETIME, wait_time_in_seconds: float = 1
    ) -> AsyncIterator[Any]:
        """Hold the conversation. Raises LockError when it is not free in time, or Redis does not answer."""
        if self._redis is None:
            async with super().lock(conversation_id, lock_lifetime, wait_time_in_seconds) as ticket:
                yield ticket
            return
        held = self._redis.lock(
            f"{self._prefix}{conversation_id}", LIFETIME_S, POLL_S, blocking_timeout=WAIT_S, thread_local=False
        )
        await self._acquire(held, conversation_id)
        renewing = asyncio.create_task(_renew(held))
        try:
            yield held
        finally:
            renewing.cancel()
            await _release(held)

    async def _acquire(self, held: Lock, conversation_id: str) -> None:
        try:
            acquired = await held.acquire()
        except _FAILURES as error:
            if not self._away:  # once, not for each turn of the minutes to come
                logger.error("no turn is run while Redis gives no locks: %s", type(error).__name__)
            self._away = True
            raise LockError(f"Redis does not answer: {type(error).__name__}") from error
        if self._away:
            logger.info("Redis gives locks again")
        self._away = False
        if not acquired:
            raise LockError(f"conversation {conversation_id} is held by another turn")


def _client(url: str, timeout_s: float) -> Redis:
    """Connects at the first use; a connection that a restart of Redis broke is made anew, once."""
    once_more = Retry(ConstantBackoff(0.05), 1)
    return Redis.from_url(url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, retry=once_more)


async def _renew(held: Lock) -> None:
    """Prolong the lock until cancelled, or until it is lost: the tracker store then decides who may write."""
    while True:
        await asyncio.sleep(RENEW_S)
        try:
            await held.reacquire()
        except LockNotOwnedError:
            logger.warning("lock lost: this process stood still, or Redis forgot it")
            return
        except NotLocked:  # given back: redis-py may swallow a cancellation while it connects anew
            return
        except _FAILURES as error:
            logger.warning("lock not renewed: %s", type(error).__name__)


async def _release(held: Lock) -> None:
    """What is not given back lapses by itself: no reason to take back a turn that is stored."""
    with contextlib.suppress(*_FAILURES):
        await held.release()
