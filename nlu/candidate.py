"""A trained and judged model that waits beside the others for a person to put it in use.

It lies in `models/candidate/`: the model, the learned examples it knows, and `record.json` with what was found.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nlu.fingerprint import LEARNED, Best, checksum, fingerprint, write_current
from nlu.judgement import Verdict
from nlu.models import ModelRefused, training

FOLDER = "candidate"
_RECORD = "record.json"


def keep(models: Path, work: Path, path: Path, mark: str, learned: Path, verdict: Verdict) -> str:
    """Lays the model at `path` aside, in the place of one that waited before; returns its file name.

    `work`: a folder for drafts on the same disk, see nlu.models.training.
    """
    draft = work / FOLDER
    draft.mkdir()
    shutil.copy(path, draft / path.name)
    if learned.is_file():
        shutil.copy(learned, draft / LEARNED)
    facts = {
        "model": path.name,
        "fingerprint": mark,
        "trained_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "sha256": checksum(path),
        "verdict": {**asdict(verdict), "said": verdict.said if verdict.objections else ""},
    }
    (draft / _RECORD).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    discard(models)
    draft.replace(models / FOLDER)
    return path.name


def read(models: Path) -> dict[str, Any] | None:
    """What `keep` wrote; None without a candidate."""
    try:
        return dict(json.loads((models / FOLDER / _RECORD).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None


def discard(models: Path) -> None:
    """Forgets the candidate, if there is one."""
    shutil.rmtree(models / FOLDER, ignore_errors=True)


def promote(root: Path, models: Path, accept: bool = False) -> str:
    """Puts the candidate in use; returns its file name.

    Raises ModelRefused without one, if it is worse and that is not accepted, if its file changed, or if the tree or the
    serving model's examples changed since it was trained.
    """
    with training(models):
        facts = read(models)
        if facts is None:
            raise ModelRefused("no model waits to be put in use; train one first")
        folder, verdict = models / FOLDER, facts["verdict"]
        path = folder / str(facts["model"])
        if not path.is_file() or checksum(path) != facts["sha256"]:
            raise ModelRefused(f"{path.name} cannot be used: its file is not the one that was trained")
        if fingerprint(root, folder / LEARNED) != facts["fingerprint"]:
            raise ModelRefused(f"{path.name} was trained before the program or its sentences changed; train again")
        if verdict["objections"] and not accept:
            raise ModelRefused(verdict["said"])
        judged = Verdict(
            verdict["figures"],
            verdict["to_reach"],
            Best(**verdict["best"]),
            Best(**verdict["anew"]),
            verdict["objections"],
        )
        name = put_in_use(models, path, str(facts["fingerprint"]), folder / LEARNED, judged)
        discard(models)
        return name


def put_in_use(models: Path, path: Path, mark: str, learned: Path, verdict: Verdict) -> str:
    """Moves model and learned examples into place, the record last: it is what the servers follow."""
    target = models / path.name
    if path != target:
        path.replace(target)
    if learned.is_file():
        learned.replace(models / LEARNED)
    else:
        (models / LEARNED).unlink(missing_ok=True)
    write_current(models, mark, verdict.figures, verdict.anew if verdict.objections else verdict.best)
    return target.name
