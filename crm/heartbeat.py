"""The sign of life of a server, written from a thread of its own."""

import socket
import threading

import structlog

from crm import health
from crm.db import Database

BEAT_S = 5.0
log = structlog.get_logger()


def instance(port: int) -> str:
    """A name for the server at `port` of this machine, the same after a restart, so that what starts anew is known."""
    return f"{socket.gethostname()[:32]}-{port}"


class Heartbeat(threading.Thread):
    """Writes a sign of life now and every `every_s` seconds, until `stop`; a database that is away ends nothing.

    The sign is the role's and the server's own: of two of a role each is missed when it dies. One that stops takes its
    own away.
    """

    def __init__(self, database: Database, role: str, name: str, every_s: float = BEAT_S) -> None:
        """Args: role: "actions", "console"; name: which of them, as `instance` says."""
        super().__init__(name="heartbeat", daemon=True)
        self._database = database
        self._role = role
        self._name = f"{role}:{name}"
        self._every_s = every_s
        self._stopped = threading.Event()
        self._failing = False

    def run(self) -> None:
        """Beats until stopped."""
        self._beat()
        while not self._stopped.wait(self._every_s):
            self._beat()

    def stop(self) -> None:
        """Ends the thread and waits for it, as long as one beat may take; then nobody misses this server."""
        self._stopped.set()
        self.join(self._every_s)
        try:
            with self._database.begin() as session:
                health.forget(session, self._name)
        except Exception as error:
            log.warning("sign of life not taken away", error=type(error).__name__)

    def _beat(self) -> None:
        try:
            with self._database.begin() as session:
                health.beat(session, self._role, "serving")
                health.beat(session, self._name, "serving")
            self._failing = False
        except Exception as error:  # said once: the database may be away, or not migrated yet, for long
            if not self._failing:
                log.warning("no sign of life written", error=type(error).__name__)
            self._failing = True
