"""When a message reached Telegram: between its call and the answer, which is all that can be known from here."""

from collections import deque

REMEMBERED = 16


class Arrivals:
    """Judges by the fastest of the last calls: what one took longer than that, it may have arrived later."""

    def __init__(self) -> None:
        self._durations_s: deque[float] = deque(maxlen=REMEMBERED)

    def late_s(self, called: float, answered: float) -> float:
        """How much later than right after its call the message may have arrived, in seconds."""
        duration_s = answered - called
        self._durations_s.append(duration_s)
        return duration_s - min(self._durations_s)
