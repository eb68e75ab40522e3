"""Signs of life of this process: of itself, and of each of its loops when it last got on."""

import asyncio
from datetime import datetime

import structlog

from bot.worker import Worker
from crm import clock, health
from crm.db import Database

log = structlog.get_logger()
BEAT_S = 5.0


class Vitals:
    """Loops report here; `run` writes it down. A loop that hangs, or ends, is one whose report grows old."""

    def __init__(self, database: Database, worker: Worker) -> None:
        self._database = database
        self._worker = worker
        self._loops: dict[str, tuple[datetime, str]] = {}
        self.status = "serving"

    def mark(self, loop: str) -> None:
        """The loop has got on."""
        self._loops[loop] = (clock.now(), "")

    def trouble(self, loop: str, words: str) -> None:
        """The loop runs but does not get on, for a reason; its last progress stays as it was."""
        since, _ = self._loops.get(loop, (clock.now(), ""))
        self._loops[loop] = (since, words)

    def leave(self, loop: str) -> None:
        """The loop is not this process's any more."""
        self._loops.pop(loop, None)

    async def run(self) -> None:
        """Beats until cancelled."""
        while True:
            try:
                await asyncio.to_thread(self._beat, dict(self._loops))
            except Exception as error:
                log.warning("no sign of life written", error=type(error).__name__)
            await asyncio.sleep(BEAT_S)

    def _beat(self, loops: dict[str, tuple[datetime, str]]) -> None:
        with self._database.begin() as session:
            health.beat(session, "bot", self.status)
            if not self._worker.held():
                return
            me = f"bot:{self._worker.fence}"
            health.forget(session, me)
            health.beat(session, me, self.status)
            for loop, (at, words) in loops.items():
                health.beat(session, f"{me}:{loop}", words, at)
