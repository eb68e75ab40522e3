"""The folder of trained models: who may write in it, what is kept, and going back to an earlier one."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from nlu.fingerprint import LEARNED, CurrentModel, checksum, fingerprint, put_first, read_records

WORK = ".work"  # where a training keeps everything that is not a finished model
_LOCK = ".training.lock"


class ModelRefused(Exception):
    """A model that must not go on line, or a training that must not start; the message says why."""


@contextmanager
def training(models: Path, wait: bool = False) -> Iterator[Path]:
    """Be the only one who trains or rolls back here; yields an empty folder for drafts, gone afterwards.

    The lock ends with the process, however it ends. Raises ModelRefused while somebody else holds it, unless told to
    `wait`.
    """
    models.mkdir(parents=True, exist_ok=True)
    with (models / _LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            raise ModelRefused("a training is under way here already; try again when it has ended") from None
        sweep(models)
        work = models / WORK
        work.mkdir()
        try:
            with _temporary_files_in(work):
                yield work
        finally:
            sweep(models)


@contextmanager
def _temporary_files_in(folder: Path) -> Iterator[None]:
    """Rasa unpacks models into temporary folders: those of a killed training are swept with its drafts."""
    before = tempfile.tempdir, os.environ.get("TMPDIR")
    tempfile.tempdir = os.environ["TMPDIR"] = str(folder.resolve())
    try:
        yield
    finally:
        tempfile.tempdir = before[0]
        os.environ.pop("TMPDIR")
        if before[1] is not None:
            os.environ["TMPDIR"] = before[1]


def sweep(models: Path) -> None:
    """Remove drafts of trainings that were killed, and models that are no longer kept. The caller holds the lock."""
    shutil.rmtree(models / WORK, ignore_errors=True)
    kept = {record.model for record in read_records(models)}
    drafts = [*models.glob(".*.trian-*.tar.gz"), *models.glob(".current.*.json")]
    old = [path for path in models.glob("trian-*.tar.gz") if path.name not in kept] if kept else []
    for path in (*drafts, *old):
        path.unlink(missing_ok=True)


def damage(models: Path, record: CurrentModel) -> str | None:
    """What keeps the recorded model from being loaded; None: the file is the one that was trained."""
    path = models / record.model
    if not path.is_file():
        return "its file is gone"
    if checksum(path) != record.sha256:
        return "its file is not the one that was trained: the checksum differs"
    return None


def misfit(root: Path, models: Path) -> str | None:
    """Why the model in use is not the one that this tree and the learned examples would give; None: it is."""
    current = next(iter(read_records(models)), None)
    if current is None:
        return "no model has been trained"
    if wrong := damage(models, current):
        return f"{current.model} cannot be used: {wrong}"
    if fingerprint(root, models / LEARNED) in (current.fingerprint, current.held_for):
        return None
    return (
        f"{current.model} can be used, but was trained before the program (a new release?), the sentences or the "
        "configuration changed"
    )


def roll_back(root: Path, models: Path, name: str | None = None) -> CurrentModel:
    """Put a kept model in use again: `name`, or the one trained before the one in use. Raises ModelRefused.

    It stays in use until something else is trained from a tree that has changed since, or by `trian train`.
    """
    with training(models):
        records = read_records(models)
        chosen = _named(records, name) if name else _earlier(records)
        wrong = damage(models, chosen)
        if wrong:
            raise ModelRefused(f"{chosen.model} cannot be used: {wrong}")
        record = replace(chosen, held_for=fingerprint(root, models / LEARNED))
        put_first(models, record)
    return record


def _named(records: list[CurrentModel], name: str) -> CurrentModel:
    chosen = next((one for one in records[1:] if one.model in (name, f"{name}.tar.gz", f"trian-{name}.tar.gz")), None)
    if chosen is None:
        kept = ", ".join(one.model for one in records[1:]) or "none"
        raise ModelRefused(f"{name} is not among the models to go back to: {kept}")
    return chosen


def _earlier(records: list[CurrentModel]) -> CurrentModel:
    older = [one for one in records[1:] if one.trained_at < records[0].trained_at]
    if not older:
        raise ModelRefused("there is no earlier model to go back to")
    return max(older, key=lambda one: one.trained_at)
