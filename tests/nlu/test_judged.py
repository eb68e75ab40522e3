"""A model that unlearnt something is really trained, really measured, and does not come on line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from nlu import train
from nlu.fingerprint import LEARNED, fingerprint, model_name, read_records, write_current
from nlu.models import ModelRefused

ROOT = Path(__file__).resolve().parents[2]
TESTS = [
    ("xin chào shop", "greet"),
    ("alo shop ơi", "greet"),
    ("cảm ơn shop nhiều nhé", "thank"),
    ("bảo hành ở đâu vậy", "warranty"),
    ("đơn của mình tới đâu rồi", "order_status"),
]
WRONG = [f"{greeting} shop {rest}" for greeting in ("xin chào", "chào", "alo") for rest in ("ơi", "nhé", "ạ", "à", "")]


def test_what_makes_the_understanding_worse_is_refused(
    project: Path, model_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "root"
    shutil.copytree(project, root, ignore=shutil.ignore_patterns("models"))
    (root / "data" / "nlu_test").mkdir()
    rows = "\n".join(json.dumps({"text": text, "label": label}) for text, label in TESTS)
    (root / "data" / "nlu_test" / "messages.jsonl").write_text(rows, encoding="utf-8")
    models = root / "models"
    models.mkdir()
    serving = model_name(fingerprint(root))
    shutil.copy(model_path, models / serving)
    write_current(models, fingerprint(root))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr(train, "probe", lambda path: None)  # the probes are the product's
    before = (models / "current.json").read_bytes()
    lesson = 'version: "3.1"\nnlu:\n  - intent: warranty\n    examples: |\n' + "".join(
        f"      - {t}\n" for t in WRONG * 3
    )
    with pytest.raises(ModelRefused, match=rf"worse than {serving}: accuracy 0\.\d+ against"):
        train.learn(root, models, lesson, 0.005)
    assert (models / "current.json").read_bytes() == before
    assert [one.model for one in read_records(models)] == [serving]
    assert not (models / LEARNED).exists()
    assert {path.name for path in models.iterdir()} == {serving, "current.json", ".training.lock"}
    assert "macro_f1_no_accents" in capsys.readouterr().out, "the comparison is shown"
