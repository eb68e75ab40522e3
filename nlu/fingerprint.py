"""What a trained model depends on, as one number, and the record of the models that may be put on line."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

KEPT = 3  # models, the one in use included
LEARNED = "learned.yml"  # beside the models: what people assigned in the review queue (`trian train` writes it)
_RECORD = "current.json"
_SOURCES = ("config.yml", "domain.yml", "nlu/requirements.lock")
_FOLDERS = (("domain", "*.yml"), ("data/nlu", "*.yml"), ("data/rules", "*.yml"), ("data/stories", "*.yml"))


@dataclass(frozen=True)
class CurrentModel:
    """A model that was put in use: file name, fingerprint of what it was trained on, time (ISO 8601, UTC), SHA-256.

    `figures` are those of its judgement, empty without one. `held_for`: it was rolled back to, and stays although the
    tree's fingerprint is another, as long as that one is this.
    """

    model: str
    fingerprint: str
    trained_at: str
    sha256: str
    figures: dict[str, float] = field(default_factory=dict)
    held_for: str | None = None


@dataclass(frozen=True)
class Best:
    """The best of each figure that any model put in use was judged by, on the fixed tests of SHA-256 `tests`."""

    tests: str
    figures: dict[str, float]


def fingerprint(root: Path, learned: Path | None = None) -> str:
    """SHA-256 (hex) over names and contents of everything a model is made from, this room's code included.

    `learned`: further training data from outside the tree; a file that is not there changes nothing.
    """
    digest = hashlib.sha256()
    for path in _ingredients(root):
        _add(digest, path.relative_to(root).as_posix(), path)
    if learned is not None and learned.is_file():
        _add(digest, LEARNED, learned)
    return digest.hexdigest()


def checksum(path: Path) -> str:
    """SHA-256 (hex) of a file's content. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def model_name(mark: str) -> str:
    """The file name of the model with this fingerprint."""
    return f"trian-{mark[:12]}.tar.gz"


def read_records(models: Path) -> list[CurrentModel]:
    """The model in use first, then those to roll back to, the newest first; empty if there is no readable record."""
    try:
        facts = json.loads((models / _RECORD).read_text(encoding="utf-8"))
        return [_record(facts), *(_record({**one, "model": one["file"]}) for one in facts.get("previous", ()))]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []


def read_current(models: Path) -> CurrentModel | None:
    """The model in use; None if there is none, if its record is unreadable, or if its file is gone."""
    current = next(iter(read_records(models)), None)
    return current if current is not None and (models / current.model).is_file() else None


def read_best(models: Path) -> Best | None:
    """The best figures on record; None before a model was judged, or without a readable record."""
    try:
        facts = json.loads((models / _RECORD).read_text(encoding="utf-8"))["best"]
        return Best(str(facts["tests"]), {str(name): float(value) for name, value in facts["figures"].items()})
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def write_current(
    models: Path, mark: str, figures: dict[str, float] | None = None, best: Best | None = None
) -> CurrentModel:
    """Put the model of this fingerprint in use: the record is replaced in one step, a reader sees the old or the new.

    The models in use before stay in the record, KEPT in all. `best` None: it stays what it was.
    """
    path = models / model_name(mark)
    known = next((one for one in read_records(models) if one.model == path.name), None)
    moment = datetime.now(UTC).isoformat(timespec="seconds")
    digest = checksum(path) if path.is_file() else ""
    same = known is not None and known.sha256 == digest
    trained_at = known.trained_at if known is not None and same else moment
    record = CurrentModel(path.name, mark, trained_at, digest, figures or (known.figures if known and same else {}))
    put_first(models, record, best)
    return record


def put_first(models: Path, record: CurrentModel, best: Best | None = None) -> None:
    """Make `record` the one in use, before the others that are known and there. `best` None: it stays what it was."""
    best = best or read_best(models)
    others = [one for one in read_records(models) if one.model != record.model and (models / one.model).is_file()]
    # "model" is said once in the file, of the one in use, so that a line of shell finds it (see the Makefile).
    kept = [{"file": one.model, **_without_model(one)} for one in others[: KEPT - 1]]
    draft = models / f".current.{os.getpid()}.json"
    facts = {**asdict(record), "best": asdict(best) if best else None, "previous": kept}
    draft.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    draft.replace(models / _RECORD)


def _without_model(record: CurrentModel) -> dict[str, Any]:
    facts = asdict(replace(record, held_for=None))
    del facts["model"]
    return facts


def _record(facts: dict[str, Any]) -> CurrentModel:
    names = ("model", "fingerprint", "trained_at", "sha256")
    model, mark, trained_at, digest = (str(facts[name]) for name in names)
    if Path(model).name != model:
        raise ValueError(f"{model} is no file name")
    return CurrentModel(model, mark, trained_at, digest, dict(facts.get("figures") or {}), facts.get("held_for"))


def _add(digest: Any, name: str, path: Path) -> None:
    content = path.read_bytes()
    digest.update(f"{name}\0{len(content)}\0".encode())
    digest.update(content)


def _ingredients(root: Path) -> Iterator[Path]:
    yield from (root / name for name in _SOURCES if (root / name).is_file())
    for folder, pattern in _FOLDERS:
        yield from sorted((root / folder).rglob(pattern))
    yield from sorted((root / "nlu").glob("*.yml"))
    for path in sorted((root / "nlu").rglob("*.py")):
        if not any(part.startswith(".") for part in path.relative_to(root).parts):
            yield path
