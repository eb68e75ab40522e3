"""Whole copies of SQLite databases by its online backup: consistent while others write, and all or nothing."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from operations.archive import BackupRefused

PATIENCE_S = 15.0


def take(database: Path, copy: Path) -> None:
    """Copies a database that may be in use to the file `copy`, which then stands alone. Raises BackupRefused."""
    with closing(_open(database)) as source, closing(_open(copy)) as target:
        _copy(source, target, database)
        target.execute("PRAGMA journal_mode=DELETE")
        _check(target, copy)


def put(copy: Path, database: Path) -> None:
    """Makes `database` what `copy` is, in one transaction: killed in between, it is as before. Raises BackupRefused."""
    database.parent.mkdir(parents=True, exist_ok=True)
    with closing(_open(copy)) as source, closing(_open(database)) as target:
        _check(source, copy)
        _copy(source, target, database)


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=PATIENCE_S)


def _copy(source: sqlite3.Connection, target: sqlite3.Connection, name: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S

    def waited(_status: int, remaining: int, total: int) -> None:
        # Without this, Python waits for ever for a database that somebody keeps locked.
        if remaining == total and time.monotonic() > deadline:
            raise BackupRefused(f"{name} is in use; stop whatever works with it")

    try:
        source.backup(target, progress=waited)
    except sqlite3.Error as error:
        raise BackupRefused(f"{name}: {error}") from error


def _check(connection: sqlite3.Connection, name: Path) -> None:
    try:
        said = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        raise BackupRefused(f"{name}: {error}") from error
    if said != "ok":
        raise BackupRefused(f"{name} is damaged: {said}")
