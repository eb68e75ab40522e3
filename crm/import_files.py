"""Uploaded files: kept below var/imports under a name of ours, until a week after their import is over."""

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session

from crm.import_tables import MAX_BYTES, Unreadable
from crm.models.integration import Import, ImportRow, ImportState
from crm.settings import settings

KEPT = timedelta(days=7)
WORKING = (ImportState.CHECKING, ImportState.RUNNING)
OVER = (ImportState.DONE, ImportState.UNREADABLE, ImportState.CANCELLED)


def directory() -> Path:
    """Where uploads lie, for this process's user alone."""
    place = settings().var_dir / "imports"
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    return place


def store(pieces: Iterable[bytes]) -> str:
    """Writes an upload piece by piece; returns its name. Raises Unreadable: too large, and nothing is kept."""
    name = new_name()
    place, size = directory() / name, 0
    try:
        with place.open("xb") as target:
            for piece in pieces:
                size += len(piece)
                if size > MAX_BYTES:
                    raise Unreadable("too_large")
                target.write(piece)
    except BaseException:
        place.unlink(missing_ok=True)
        raise
    return name


def new_name() -> str:
    """A name that nobody can guess or choose."""
    return f"{secrets.token_hex(16)}.upload"


def weigh(name: str) -> None:
    """Raises Unreadable for an upload that is too large, which is deleted."""
    place = directory() / name
    if place.stat().st_size > MAX_BYTES:
        place.unlink()
        raise Unreadable("too_large")


def path_of(job: Import) -> Path:
    """The upload. Raises Unreadable where it is gone."""
    place = directory() / Path(job.path or "-").name
    if not place.is_file():
        raise Unreadable("file_missing")
    return place


def any_old(session: Session, moment: datetime) -> bool:
    """Whether `forget_old` would find something; only looks."""
    return session.scalar(select(Import.id).where(*_old(moment)).limit(1)) is not None


def _old(moment: datetime) -> tuple[ColumnElement[bool], ...]:
    return (Import.created_at < moment - KEPT, Import.path.is_not(None))


def forget_old(session: Session, moment: datetime) -> int:
    """Deletes uploads and refused rows of imports that are a week old, and strays; how many imports."""
    jobs = list(session.scalars(select(Import).where(*_old(moment)).limit(100)))
    for job in jobs:
        _forget(session, job)
    _sweep(session, moment)
    return len(jobs)


def forget_all(session: Session) -> int:
    """The same for every import that is not at work now, whatever its age: a person asked to be erased."""
    jobs = list(session.scalars(select(Import).where(Import.path.is_not(None), Import.state.not_in(WORKING))))
    for job in jobs:
        _forget(session, job)
    return len(jobs)


def _forget(session: Session, job: Import) -> None:
    (directory() / Path(job.path or "-").name).unlink(missing_ok=True)
    job.path = None
    if job.state not in OVER:
        job.state, job.finished_at = ImportState.CANCELLED, job.created_at + KEPT
    session.execute(delete(ImportRow).where(ImportRow.import_id == job.id))


def _sweep(session: Session, moment: datetime) -> None:
    """Uploads whose import was never committed."""
    known = set(session.scalars(select(Import.path).where(Import.path.is_not(None))))
    for place in directory().glob("*.upload"):
        if place.name not in known and place.stat().st_mtime < (moment - timedelta(days=1)).timestamp():
            place.unlink(missing_ok=True)
