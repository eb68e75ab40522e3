"""What a trained model depends on, as one number, and the record of the model in use."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

_SOURCES = ("config.yml", "domain.yml", "nlu/requirements.lock")
_FOLDERS = (("domain", "*.yml"), ("data/nlu", "*.yml"), ("data/rules", "*.yml"), ("data/stories", "*.yml"))


@dataclass(frozen=True)
class CurrentModel:
    """models/current.json: file name of the model in use, full fingerprint, time of training (ISO 8601, UTC)."""

    model: str
    fingerprint: str
    trained_at: str


def fingerprint(root: Path) -> str:
    """SHA-256 (hex) over names and contents of everything a model is made from, this room's code included."""
    digest = hashlib.sha256()
    for path in _ingredients(root):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(root).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def model_name(mark: str) -> str:
    """The file name of the model with this fingerprint."""
    return f"trian-{mark[:12]}.tar.gz"


def read_current(models: Path) -> CurrentModel | None:
    """The model in use; None if there is none, if its record is unreadable, or if its file is gone."""
    try:
        facts = json.loads((models / "current.json").read_text(encoding="utf-8"))
        current = CurrentModel(facts["model"], facts["fingerprint"], facts["trained_at"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return current if (models / current.model).is_file() else None


def write_current(models: Path, mark: str) -> CurrentModel:
    """Put a model in use: the record is replaced in one step, so a reader sees the old one or the new one."""
    current = CurrentModel(model_name(mark), mark, datetime.now(UTC).isoformat(timespec="seconds"))
    draft = models / f".current.{os.getpid()}.json"
    draft.write_text(json.dumps(asdict(current)) + "\n", encoding="utf-8")
    draft.replace(models / "current.json")
    return current


def _ingredients(root: Path) -> Iterator[Path]:
    yield from (root / name for name in _SOURCES if (root / name).is_file())
    for folder, pattern in _FOLDERS:
        yield from sorted((root / folder).rglob(pattern))
    yield from sorted((root / "nlu").glob("*.yml"))
    for path in sorted((root / "nlu").rglob("*.py")):
        if not any(part.startswith(".") for part in path.relative_to(root).parts):
            yield path
