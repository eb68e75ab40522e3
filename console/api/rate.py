"""How many requests a token may make: a bucket that fills evenly, in memory, each console process for itself."""

import time
from collections.abc import Callable
from dataclasses import dataclass

KEPT = 10_000


@dataclass(frozen=True)
class Allowance:
    """`left`: whole requests that could follow at once. `wait_s`: 0, or seconds until the next one is let in."""

    left: int
    wait_s: float


class Limiter:
    """`per_minute` requests, all of them at once if they come after a minute of silence. 0: no limit."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_minute = per_minute
        self._clock = clock
        self._buckets: dict[int, tuple[float, float]] = {}

    def take(self, token_id: int) -> Allowance:
        """Counts one request of the token, unless there is none left."""
        if not self.per_minute:
            return Allowance(1, 0.0)
        now, rate = self._clock(), self.per_minute / 60
        filled, at = self._buckets.get(token_id, (float(self.per_minute), now))
        filled = min(float(self.per_minute), filled + (now - at) * rate)
        granted = filled >= 1
        self._buckets[token_id] = (filled - 1 if granted else filled, now)
        if len(self._buckets) > KEPT:
            self._buckets.pop(next(iter(self._buckets)))
        return Allowance(int(filled - 1), 0.0) if granted else Allowance(0, (1 - filled) / rate)
