"""How fast one bot may send: Telegram's limits, kept on our side so that they are never met."""

import time
from collections import deque
from collections.abc import Callable

RAMP_START_DIVISOR = 4
RAMP_STEP = 2


class Limiter:
    """At most `rate` messages in any sliding second, `chat_gap_s` between two to one chat, none inside a freeze.

    After a freeze the rate begins at a quarter and grows by two messages a second each second.
    """

    def __init__(self, rate: int, chat_gap_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._full_rate = rate
        self._gap_s = chat_gap_s
        self._clock = clock
        self._sent: deque[float] = deque()
        self._last_to: dict[int, float] = {}
        self._frozen_until = 0.0
        self._ramp_from: float | None = None

    def room(self) -> int:
        """How many messages may go out right now."""
        now = self._clock()
        if now < self._frozen_until:
            return 0
        while self._sent and self._sent[0] <= now - 1:
            self._sent.popleft()
        return max(0, self._rate(now) - len(self._sent))

    def waiting_chats(self) -> list[int]:
        """Chats that got a message less than the gap ago."""
        now = self._clock()
        self._last_to = {chat: at for chat, at in self._last_to.items() if at > now - self._gap_s}
        return list(self._last_to)

    def count(self, chat_id: int) -> None:
        """Counts one message that goes out now."""
        now = self._clock()
        self._sent.append(now)
        self._last_to[chat_id] = now

    def freeze(self, seconds: float) -> None:
        """Nothing goes out for `seconds`: Telegram said so."""
        self._frozen_until = max(self._frozen_until, self._clock() + seconds)
        self._ramp_from = self._frozen_until

    def _rate(self, now: float) -> int:
        if self._ramp_from is None:
            return self._full_rate
        rate = self._full_rate // RAMP_START_DIVISOR + int((now - self._ramp_from) * RAMP_STEP)
        if rate >= self._full_rate:
            self._ramp_from = None
        return max(1, min(rate, self._full_rate))
