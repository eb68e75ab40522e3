"""A model that waits for a person: laid aside with its figures, put in use whole, or refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from test_models import EXAMPLES, GOOD, _quick, root  # noqa: F401

from nlu import candidate, judgement
from nlu.fingerprint import LEARNED, read_best, read_records
from nlu.models import ModelRefused
from nlu.train import ensure_model, learn

WORSE = {**GOOD, "accuracy": 0.8}


def test_it_waits_beside_the_models_and_is_put_in_use_by_a_person(root: Path) -> None:  # noqa: F811
    models = root / "models"
    serving = ensure_model(root, models)
    name = learn(root, models, EXAMPLES, 0.005, hold=True)
    assert read_records(models)[0].model == serving, "nothing is put in use by itself"
    assert not (models / LEARNED).exists()
    waiting = candidate.read(models)
    assert waiting is not None
    assert (waiting["model"], waiting["verdict"]["figures"], waiting["verdict"]["objections"]) == (name, GOOD, [])
    assert ensure_model(root, models) == serving, "a start in between leaves both as they are"
    listed = subprocess.run(
        [sys.executable, "-m", "nlu.shelf", "list", "--models", str(models)],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(listed.stdout.splitlines()[-1])["candidate"] == waiting
    assert candidate.promote(root, models) == name
    assert read_records(models)[0].model == name
    assert (models / LEARNED).read_text(encoding="utf-8") == EXAMPLES
    assert candidate.read(models) is None
    with pytest.raises(ModelRefused, match="no model waits"):
        candidate.promote(root, models)


def test_a_worse_one_waits_too_and_needs_a_second_word(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    models = root / "models"
    serving = ensure_model(root, models)
    monkeypatch.setattr(judgement, "measure", lambda root, model, tests: GOOD if model.name == serving else WORSE)
    name = learn(root, models, EXAMPLES, 0.005, hold=True)
    with pytest.raises(ModelRefused, match=r"worse than .*accuracy 0\.8000 against 0\.9000"):
        candidate.promote(root, models)
    assert read_records(models)[0].model == serving
    assert candidate.promote(root, models, accept=True) == name
    best = read_best(models)
    assert best is not None
    assert best.figures == WORSE, "its figures are the ones to reach from then on"


def test_what_was_changed_since_is_refused(root: Path) -> None:  # noqa: F811
    models = root / "models"
    ensure_model(root, models)
    name = learn(root, models, EXAMPLES, 0.005, hold=True)
    (root / "data" / "nlu" / "more.yml").write_text('version: "3.1"\n', encoding="utf-8")
    with pytest.raises(ModelRefused, match="train again"):
        candidate.promote(root, models)
    (root / "data" / "nlu" / "more.yml").unlink()
    (models / candidate.FOLDER / name).write_text("x", encoding="utf-8")
    with pytest.raises(ModelRefused, match="not the one that was trained"):
        candidate.promote(root, models)
