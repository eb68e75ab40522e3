"""Waiting and telling: a pulse wakes whoever waits for a change; the hub feeds the chat page's event stream."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

Json = dict[str, Any]


class Pulse:
    """Wakes every waiter at each change. One event loop only."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self.closed = False
        self.count = 0

    def fire(self) -> None:
        self.count += 1
        event, self._event = self._event, asyncio.Event()
        event.set()

    def close(self) -> None:
        """Ends all waiting, now and later: the process is stopping."""
        self.closed = True
        self.fire()

    async def until(self, ready: Callable[[], bool], timeout_s: float) -> bool:
        """Waits until `ready()` is true, at most `timeout_s` seconds; returns what it last said."""
        deadline = time.monotonic() + timeout_s
        while not ready():
            left = deadline - time.monotonic()
            if self.closed or left <= 0:
                return False
            try:
                await asyncio.wait_for(self._event.wait(), left)
            except TimeoutError:
                return ready()
        return True


class Hub:
    """Hands every event to every open page; a page that does not read loses the oldest."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[Json | None]] = set()

    def subscribe(self) -> asyncio.Queue[Json | None]:
        queue: asyncio.Queue[Json | None] = asyncio.Queue(maxsize=2000)
        self._queues.add(queue)
        return queue

    def leave(self, queue: asyncio.Queue[Json | None]) -> None:
        self._queues.discard(queue)

    def tell(self, event: Json | None) -> None:
        for queue in self._queues:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(event)
