"""Starts whoever works off a training that was asked for: a process of its own, as it needs minutes and much memory."""

import subprocess
import sys

import structlog

log = structlog.get_logger()
COMMAND = [sys.executable, "-m", "operations.training_job"]
PATIENCE_S = 10.0


class Trainer:
    """At most one such process of this scheduler; which of several works a job off is settled by the job's row."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it unless it runs."""
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(COMMAND)
            log.info("training started", pid=self._process.pid)

    def stop(self) -> None:
        """Ends it; its job is given up by whoever leads then."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
