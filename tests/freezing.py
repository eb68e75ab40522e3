"""A process stopped with SIGSTOP, as by a machine that stalls."""

import os
import signal
import time

import pytest
from sqlalchemy.exc import OperationalError

from crm import health
from crm.db import Database

TRIES = 50


def freeze(pid: int, database: Database) -> None:
    """Stops the process between two transactions: one stopped within keeps SQLite's lock, which nobody can help."""
    for _ in range(TRIES):
        os.kill(pid, signal.SIGSTOP)
        try:
            with database.begin() as session:
                health.try_to_write(session)
            return
        except OperationalError:
            os.kill(pid, signal.SIGCONT)
            time.sleep(0.05)
    pytest.fail("the process was always within a transaction")
