"""The sign of life of the action server, written from a thread of its own."""

import threading

import structlog

from crm import health
from crm.db import Database

BEAT_S = 5.0
log = structlog.get_logger()


class Heartbeat(threading.Thread):
    """Writes a sign of life now and every `every_s` seconds, until `stop`; a database that is away ends nothing."""

    def __init__(self, database: Database, every_s: float = BEAT_S) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self._database = database
        self._every_s = every_s
        self._stopped = threading.Event()
        self._failing = False

    def run(self) -> None:
        """Beats until stopped."""
        self._beat()
        while not self._stopped.wait(self._every_s):
            self._beat()

    def stop(self) -> None:
        """Ends the thread and waits for it, as long as one beat may take."""
        self._stopped.set()
        self.join(self._every_s)

    def _beat(self) -> None:
        try:
            with self._database.begin() as session:
                health.beat(session, "actions", "serving")
            self._failing = False
        except Exception as error:  # said once: the database may be away, or not migrated yet, for long
            if not self._failing:
                log.warning("no sign of life written", error=type(error).__name__)
            self._failing = True
