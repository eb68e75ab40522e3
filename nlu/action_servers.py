"""Several action servers behind Rasa's one endpoint: where one has died, the next is asked."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from typing import Any

import aiohttp
from rasa.utils.endpoints import EndpointConfig

logger = logging.getLogger(__name__)

SHUNNED_S = 5.0


class ActionServers(EndpointConfig):
    """Takes turns among the servers; one that failed to answer is asked last for SHUNNED_S seconds.

    An action that was begun on a server that died is run again on the next: each writes once per turn, whoever runs it.
    """

    def __init__(self, urls: str) -> None:
        """`urls`: one or more, separated by commas. Raises ValueError if there is none."""
        self._servers = [EndpointConfig(url.strip()) for url in urls.split(",") if url.strip()]
        if not self._servers:
            raise ValueError("no action server is named: set TRIAN_ACTIONS_URL")
        super().__init__(", ".join(str(server.url) for server in self._servers))
        self._first = itertools.cycle(range(len(self._servers)))
        self._failed_at: dict[int, float] = {}

    async def request(self, *args: Any, **kwargs: Any) -> Any:
        """As EndpointConfig.request. Raises aiohttp.ClientConnectionError when no server can be reached."""
        *others, last = self._in_order()
        for number in others:
            try:
                return await self._ask(number, *args, **kwargs)
            except aiohttp.ClientConnectionError as error:
                logger.warning("no answer from %s: %s", self._servers[number].url, type(error).__name__)
        return await self._ask(last, *args, **kwargs)

    async def _ask(self, number: int, *args: Any, **kwargs: Any) -> Any:
        try:
            answer = await self._servers[number].request(*args, **kwargs)
        except (TimeoutError, aiohttp.ClientConnectionError, asyncio.CancelledError):
            self._failed_at[number] = time.monotonic()
            raise
        self._failed_at.pop(number, None)
        return answer

    def _in_order(self) -> list[int]:
        start, count = next(self._first), len(self._servers)
        now = time.monotonic()
        order = [(start + step) % count for step in range(count)]
        return sorted(order, key=lambda number: now - self._failed_at.get(number, -SHUNNED_S) < SHUNNED_S)
