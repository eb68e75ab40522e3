"""`trian restore`: puts a backup back, so that nothing that was sent since goes out again, and every stop still holds.

Photos and models come first, then Rasa's memory, and the CRM last, in one transaction. A marker beside them says that a
restore was not finished: while it is there, `trian` starts nothing.
"""

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Connection, delete, inspect, literal, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from crm import clock, consents, erasure_journal, personal_data_erase, restored, schema, tracker_events
from crm.db import Database
from crm.durable import sync_folder
from crm.models import Base
from crm.models.messaging import Heartbeat, Lease
from crm.restored import Settled
from crm.retention_photos import FOLDER
from crm.settings import Settings
from operations import archive, postgres_copies, sqlite_copies
from operations.archive import BackupRefused
from operations.backup import RECORD, SQLITE_PART, sqlite_path, workplace

MARKER = "restore.unfinished"
LOCK_WAIT = "SET LOCAL lock_timeout = '10s'"
_NOBODYS = {Heartbeat.__tablename__, Lease.__tablename__}


@dataclass(frozen=True)
class Restored:
    """What came back: when the backup was made, what was ended in it, which erasures and stops were done again."""

    made_at: datetime
    settled: Settled
    erasures: personal_data_erase.Reapplied
    stops: consents.Reapplied


@dataclass(frozen=True)
class Journals:
    """Files that tell what happened after the backup: withdrawals of consents, and erasures of people."""

    withdrawals: Sequence[Path] = ()
    erasures: Sequence[Path] = ()


NO_OTHERS = Journals()


def refuse_unfinished(settings: Settings) -> None:
    """Raises BackupRefused while a restore that was begun has not been finished."""
    if (settings.var_dir / MARKER).exists():
        raise BackupRefused(
            "a restore was interrupted, so that databases and files may not fit together; "
            "give `trian restore FILE --force` again before anything else"
        )


def put_back(settings: Settings, source: Path, *, force: bool = False, others: Journals = NO_OTHERS) -> Restored:
    """Restores `source` into the settings' databases and folders.

    Args:
        force: replace what is in the database; without it only an empty one is filled.
        others: further journals, of other machines.

    Raises:
        BackupRefused: nothing was changed; the message says why.
    """
    _check_journals((*others.withdrawals, *others.erasures))
    journals = Journals((settings.journal, *others.withdrawals), (erasure_journal.place(), *others.erasures))
    with workplace(settings) as folder:
        manifest = archive.unpack(source, folder)
        _check(settings, manifest)
        store = Database(settings.database_url)
        with closing_store(store):
            try:
                _check_target(settings, store, force)
            except DBAPIError as error:
                raise BackupRefused(f"the database does not answer: {error.orig}") from error
            with _alone(settings, store, source):
                _put_photos(settings, folder)
                _put_models(settings, folder)
                _put_tracker(settings, manifest["tracker"], folder / "tracker")
                store.dispose()  # nobody else may be in the database now, ourselves included
                return _put_crm(settings, manifest, folder / "crm", journals)


def _check_journals(journals: Sequence[Path]) -> None:
    for path in journals:
        if not path.is_file():
            raise BackupRefused(f"there is no journal at {path}")


def _check(settings: Settings, manifest: dict[str, Any]) -> None:
    kind = "sqlite" if sqlite_path(settings.database_url) else "postgresql"
    if manifest["database"] != kind:
        raise BackupRefused(f"this is a backup of {manifest['database']}, and TRIAN_DATABASE_URL names {kind}")
    if not schema.knows(manifest["revision"]):
        raise BackupRefused("the backup was made by a newer release of Tri Ân; restore it with that one")


def _check_target(settings: Settings, store: Database, force: bool) -> None:
    path = sqlite_path(settings.database_url)
    if path is not None and not path.exists():
        return
    with store.read() as session:
        there = set(inspect(session.connection()).get_table_names())
        if {Heartbeat.__tablename__, Lease.__tablename__} <= there and (running := restored.at_work(session)):
            raise BackupRefused(
                f"{', '.join(running)} gave a sign of life just now; stop the product, and wait half a minute"
            )
        tables = [table for table in Base.metadata.sorted_tables if table.name in there - _NOBODYS]
        full = any(session.execute(select(literal(1)).select_from(table).limit(1)).first() for table in tables)
    if full and not force:
        raise BackupRefused("the database is not empty; add --force to replace everything in it")
    if full and schema.is_current(store.engine):
        _complete_journals(store)


def _complete_journals(store: Database) -> None:
    """What is about to be replaced may know of stops and erasures that the journals do not."""
    try:
        with store.read() as session:
            consents.complete_journal(session)
            personal_data_erase.complete_journal(session)
    except OSError as error:
        raise BackupRefused(f"the journal of withdrawals or of erasures cannot be written: {error.strerror}") from error


@contextmanager
def _alone(settings: Settings, store: Database, source: Path) -> Iterator[None]:
    """Whoever starts meanwhile stands by. The marker outlives a kill or a failure, and goes when all is done."""
    marker = settings.var_dir / MARKER
    unfinished = marker.exists()
    marker.write_text(json.dumps({"backup": str(source), "begun": clock.now().isoformat()}), encoding="utf-8")
    sync_folder(settings.var_dir)
    try:
        _change_leases(store, restored.hold)
    except DBAPIError as error:
        if not unfinished:
            marker.unlink()
        raise BackupRefused(f"the database cannot be written: {error.orig}") from error
    try:
        yield
    except (DBAPIError, psycopg.Error) as error:
        raise BackupRefused(f"the restore is not finished; the database said: {error}") from error
    finally:
        with suppress(DBAPIError):
            _change_leases(store, restored.let_go)
    marker.unlink()
    sync_folder(settings.var_dir)


def _change_leases(store: Database, change: Callable[[Session], None]) -> None:
    path = sqlite_path(store.engine.url.render_as_string(hide_password=False))
    if path is not None and not path.exists():
        return
    with store.begin() as session:
        if inspect(session.connection()).has_table(Lease.__tablename__):
            change(session)


def _put_photos(settings: Settings, folder: Path) -> None:
    """Adds the backup's photos; those that came later stay, and go with the purge when nothing names them."""
    target = settings.var_dir / FOLDER
    for name, path in archive.walk(folder / FOLDER, ""):
        to = target / name.removeprefix("/")
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(path, to)


def _put_models(settings: Settings, folder: Path) -> None:
    """The record last: until then the models in use are those of before."""
    files = [path for _, path in archive.walk(folder / "models", "")]
    if not files:
        return
    settings.models_dir.mkdir(parents=True, exist_ok=True)
    with (settings.models_dir / ".training.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupRefused("a training is under way; try again when it has ended") from None
        for path in sorted(files, key=lambda path: path.name == RECORD):
            draft = settings.models_dir / f".restored.{path.name}"
            shutil.copy2(path, draft)
            draft.replace(settings.models_dir / path.name)
    os.sync()


def _put_tracker(settings: Settings, about: dict[str, Any] | None, folder: Path) -> None:
    """Rasa's memory as it was. Without one of this kind it is emptied: turns are numbered as at the backup again."""
    path = sqlite_path(settings.tracker_url)
    if about is None or about["database"] != ("sqlite" if path else "postgresql"):
        _empty_tracker(settings)
    elif path is not None:
        sqlite_copies.put(folder / SQLITE_PART, path)
    else:
        store = Database(tracker_events.own_driver(settings.tracker_url))
        with closing_store(store), store.engine.begin() as connection:
            connection.execute(text(LOCK_WAIT))
            tracker_events.EVENTS.create(connection, checkfirst=True)
            connection.execute(text("TRUNCATE events"))
            postgres_copies.put(connection, about["tables"], folder)


def _empty_tracker(settings: Settings) -> None:
    store = tracker_events.open_store(settings.tracker_url)
    if store is not None:
        with closing_store(store), store.begin() as session:
            session.execute(delete(tracker_events.EVENTS))


def _put_crm(settings: Settings, manifest: dict[str, Any], folder: Path, journals: Journals) -> Restored:
    path = sqlite_path(settings.database_url)
    if path is not None:
        # Everything is done to the copy, so that the database itself changes once.
        done = _finish_copy(folder / SQLITE_PART, manifest, journals)
        sqlite_copies.put(folder / SQLITE_PART, path)
        return done
    store = Database(settings.database_url)
    with closing_store(store), store.engine.begin() as connection:
        connection.execute(text(LOCK_WAIT))
        _drop_everything(connection)
        schema.upgrade_within(connection, manifest["revision"])
        postgres_copies.put(connection, manifest["tables"], folder)
        schema.upgrade_within(connection)
        with Session(connection) as session:
            return _finish(session, manifest, journals)


def _finish_copy(copy: Path, manifest: dict[str, Any], journals: Journals) -> Restored:
    store = Database(f"sqlite:///{copy}")
    with closing_store(store):
        schema.upgrade(store.engine)
        with store.begin() as session:
            return _finish(session, manifest, journals)


def _finish(session: Session, manifest: dict[str, Any], journals: Journals) -> Restored:
    made_at = datetime.fromisoformat(manifest["made_at"])
    settled = restored.settle(session, made_at)
    erasures = personal_data_erase.reapply(session, journals.erasures)
    stops = consents.reapply(session, journals.withdrawals)
    session.flush()
    return Restored(made_at, settled, erasures, stops)


def _drop_everything(connection: Connection) -> None:
    names = [*(table.name for table in reversed(Base.metadata.sorted_tables)), "alembic_version"]
    connection.execute(text("DROP TABLE IF EXISTS " + ", ".join(f'"{name}"' for name in names) + " CASCADE"))


@contextmanager
def closing_store(store: Database) -> Iterator[None]:
    """Closes its connections at the end; SQLite then folds its log into the file."""
    try:
        yield
    finally:
        store.dispose()
