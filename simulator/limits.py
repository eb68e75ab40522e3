"""Telegram's flood limits: about 30 messages a second for a bot, one a second for a chat. Off unless asked for."""

from __future__ import annotations

import time
from collections import defaultdict, deque

from simulator.errors import ApiError

PER_BOT, PER_CHAT, WINDOW_S = 30, 1, 1.0


class Limiter:
    """Sliding windows of one second. A refused call does not count against the limit."""

    def __init__(self, enabled: bool) -> None:
        self.enabled = enabled
        self._sent: dict[tuple[int, int | None], deque[float]] = defaultdict(deque)

    def check(self, bot_id: int, chat_id: int) -> None:
        """Counts one send; ApiError 429 with `retry_after` in seconds when it is one too many."""
        if not self.enabled:
            return
        now = time.monotonic()
        windows = ((self._sent[bot_id, None], PER_BOT), (self._sent[bot_id, chat_id], PER_CHAT))
        for window, limit in windows:
            while window and window[0] <= now - WINDOW_S:
                window.popleft()
            if len(window) >= limit:
                raise ApiError(429, "Too Many Requests: retry after 1", 1)
        for window, _ in windows:
            window.append(now)
