"""A process stopped with SIGSTOP, as by a machine that stalls."""

import os
import signal
import sqlite3
import time
from contextlib import closing

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
            _write(database)
            return
        except (OperationalError, sqlite3.OperationalError):
            os.kill(pid, signal.SIGCONT)
            time.sleep(0.05)
    pytest.fail("the process was always within a transaction")


def _write(database: Database) -> None:
    """Fails soon where the database is locked; SQLite's usual patience is half a minute."""
    if (path := database.engine.url.database) and database.engine.dialect.name == "sqlite":
        with closing(sqlite3.connect(path, timeout=0.2, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        return
    with database.begin() as session:
        health.try_to_write(session)
