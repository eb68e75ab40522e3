"""Which of several Rasas is asked next."""

import itertools
import time
from collections.abc import Sequence

SHUNNED_S = 10.0


class Rasas:
    """They take turns; one that failed to answer is asked last for SHUNNED_S seconds."""

    def __init__(self, urls: Sequence[str]) -> None:
        self._urls = list(urls)
        self._turn = itertools.count()
        self._failed_at: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._urls)

    def next(self) -> str:
        """The base URL to ask now."""
        now, start = time.monotonic(), next(self._turn)
        order = [self._urls[(start + step) % len(self._urls)] for step in range(len(self._urls))]
        return min(order, key=lambda url: max(0.0, self._failed_at.get(url, -SHUNNED_S) + SHUNNED_S - now))

    def failed(self, url: str) -> None:
        """It was away, broke off, was too late or answered an error."""
        self._failed_at[url] = time.monotonic()

    def answered(self, url: str) -> None:
        """It is well again."""
        self._failed_at.pop(url, None)
