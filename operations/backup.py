"""`trian backup`: databases, photos, learned examples and models in one file, while the product runs."""

import contextlib
import fcntl
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import inspect
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from crm import clock, housekeeping, schema, tracker_events
from crm.db import Database
from crm.models import Base
from crm.retention_photos import FOLDER
from crm.settings import Settings
from operations import archive, postgres_copies, sqlite_copies
from operations.archive import BackupRefused

log = structlog.get_logger()
SQLITE_PART = "database.sqlite"
LEARNED, RECORD = "learned.yml", "current.json"


@dataclass(frozen=True)
class Made:
    """What was backed up: size of the file in bytes, how many photos, which model (None: none was trained)."""

    bytes: int
    photos: int
    model: str | None


def make(settings: Settings, target: Path) -> Made:
    """Writes the backup to `target`, which must not exist yet. Raises BackupRefused."""
    target = target.absolute()
    if target.exists():
        raise BackupRefused(f"{target} exists; choose another name")
    if not target.parent.is_dir():
        raise BackupRefused(f"there is no folder {target.parent}; make it first (is a disk missing?)")
    if not settings.var_dir.is_dir():
        raise BackupRefused(f"there is no folder {settings.var_dir.absolute()}; look at TRIAN_VAR_DIR")
    with workplace(settings) as folder:
        store = Database(settings.database_url)
        try:
            made_at = clock.now()
            # Rasa's memory first: it must not know turns that the CRM of the same backup does not.
            tracker = _take_tracker(settings, folder / "tracker")
            facts = {"made_at": made_at.isoformat(), "tracker": tracker, **_take_crm(store, settings, folder / "crm")}
            model, models = _models(settings)
            photos = dict(archive.walk(settings.var_dir / FOLDER, FOLDER))
            databases = dict(each for room in ("crm", "tracker") for each in archive.walk(folder / room, room))
            size = archive.write(target, {**databases, **models, **photos}, {**facts, "model": model})
            made = Made(size, len(photos), model)
            _note(store, made)
        finally:
            store.dispose()
    return made


@contextlib.contextmanager
def workplace(settings: Settings) -> Iterator[Path]:
    """An empty folder of our own below var/, gone afterwards; what a killed one left goes first.

    Raises BackupRefused while another backup or restore is under way.
    """
    settings.var_dir.mkdir(parents=True, exist_ok=True)
    folder = settings.var_dir / ".backup"
    with (settings.var_dir / ".backup.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupRefused("another backup or restore is under way") from None
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def sqlite_path(url: str) -> Path | None:
    """The file of a SQLite URL; None for another kind of database."""
    parsed = make_url(url)
    return Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None


def recorded_models(folder: Path) -> tuple[str | None, list[str]]:
    """The model in use, and the files of all that are recorded; (None, []) without a readable record."""
    try:
        facts = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        names = [str(facts["model"]), *(str(each["file"]) for each in facts.get("previous", ()))]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None, []
    return names[0], [name for name in names if Path(name).name == name]


def _take_crm(store: Database, settings: Settings, folder: Path) -> dict[str, Any]:
    folder.mkdir()
    path = sqlite_path(settings.database_url)
    if path is not None and not path.exists():
        raise BackupRefused(f"there is no database at {path}")
    with store.engine.execution_options(trian_read=True).connect() as connection:
        connection = connection.execution_options(isolation_level="REPEATABLE READ") if path is None else connection
        revision = schema.revision_of(connection)
        if revision is None:
            raise BackupRefused("the database is empty: it was never migrated")
        facts = {"database": store.engine.dialect.name, "revision": revision}
        if path is not None:
            sqlite_copies.take(path, folder / SQLITE_PART)
            return facts
        there = set(inspect(connection).get_table_names())
        tables = [table.name for table in Base.metadata.sorted_tables if table.name in there]
        return {**facts, "tables": postgres_copies.take(connection, tables, folder)}


def _take_tracker(settings: Settings, folder: Path) -> dict[str, Any] | None:
    """What Rasa remembers; None where it has not run yet."""
    store = tracker_events.open_store(settings.tracker_url)
    if store is None:
        return None
    folder.mkdir()
    path = sqlite_path(settings.tracker_url)
    try:
        if path is not None:
            sqlite_copies.take(path, folder / SQLITE_PART)
            return {"database": "sqlite"}
        with store.engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
            tables = postgres_copies.take(connection, [tracker_events.EVENTS.name], folder)
        return {"database": "postgresql", "tables": tables}
    finally:
        store.dispose()


def _models(settings: Settings) -> tuple[str | None, dict[str, Path]]:
    current, names = recorded_models(settings.models_dir)
    paths = [settings.models_dir / name for name in (*names, LEARNED, RECORD)]
    return current, {f"models/{path.name}": path for path in paths if path.is_file()}


def _note(store: Database, made: Made) -> None:
    """The day's line in the book, for the figure "last backup"; a database of an older shape has no book."""
    try:
        if not schema.is_current(store.engine):
            return
        with store.begin() as session:
            work = housekeeping.begin(session, housekeeping.BACKUP, clock.now())
            work.finished_at, work.counts = clock.now(), {"bytes": made.bytes, "photos": made.photos}
    except DBAPIError as error:
        log.warning("the backup is made, but not noted in the database", error=type(error.orig).__name__)
