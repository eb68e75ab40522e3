from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from nlu import judgement, train
from nlu.fingerprint import LEARNED, fingerprint, model_name, read_best, read_current, read_records, write_current
from nlu.judgement import LEFT_OUT, objections
from nlu.models import ModelRefused, damage, roll_back, training
from nlu.train import ensure_model, is_current, learn

ROOT = Path(__file__).resolve().parents[2]
GOOD = {"accuracy": 0.9, "macro_f1": 0.85, "accuracy_no_accents": 0.88, "macro_f1_no_accents": 0.83, LEFT_OUT: 0.0}
EXAMPLES = """\
version: "3.1"
nlu:
  - intent: warranty
    examples:
      - text: |
          - hàng xịt thì ai chịu
        metadata: {example: 1, entry: 1, by: lan, at: "2026-11-22T09:00:00+00:00"}
"""


@pytest.fixture
def root(project: Path, tmp_path: Path) -> Path:
    """The small project with a test of its own and probes that are left out: the lessons here are others."""
    shutil.copytree(project, tmp_path / "root", ignore=shutil.ignore_patterns("models"))
    tests = tmp_path / "root" / "data" / "nlu_test"
    tests.mkdir()
    (tests / "messages.jsonl").write_text('{"text": "xin chào", "label": "greet"}\n', encoding="utf-8")
    (tests / "pairs.jsonl").write_text('{"text": "x", "first": "greet"}\n', encoding="utf-8")
    return tmp_path / "root"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Training and measuring are replaced: a model is a file that names what it was made of."""

    def write(root: Path, path: Path, learned: Path | None = None) -> None:
        said = learned.read_text(encoding="utf-8") if learned is not None and learned.is_file() else ""
        path.write_text(f"{path.name} {said}", encoding="utf-8")

    monkeypatch.setattr(train, "train_model", write)
    monkeypatch.setattr(train, "probe", lambda path: None)
    monkeypatch.setattr(judgement, "measure", lambda root, model, tests: dict(GOOD))


def put(models: Path, letter: str) -> str:
    mark = letter * 64
    models.mkdir(exist_ok=True)
    (models / model_name(mark)).write_text(letter, encoding="utf-8")
    write_current(models, mark)
    record = json.loads((models / "current.json").read_text(encoding="utf-8"))
    record["trained_at"] = f"2026-11-22T0{len(record['previous'])}:00:00+00:00"
    (models / "current.json").write_text(json.dumps(record), encoding="utf-8")
    return model_name(mark)


def test_the_last_three_models_are_kept_and_one_can_go_back(root: Path) -> None:
    models = root / "models"
    names = [put(models, letter) for letter in "abcd"]
    assert [one.model for one in read_records(models)] == names[:0:-1]
    text = (models / "current.json").read_text(encoding="utf-8")
    assert re.findall(r'"model": "([^"]*)"', text) == [names[-1]], "the Makefile reads it with sed"
    ensure = ensure_model(root, models)
    assert sorted(path.name for path in models.glob("*.tar.gz")) == sorted([ensure, names[3], names[2]])
    assert roll_back(root, models).model == names[3]
    assert is_current(root, models), "the one gone back to stays: nothing has changed since"
    assert ensure_model(root, models) == names[3]
    (root / "data" / "nlu" / "more.yml").write_text('version: "3.1"\n', encoding="utf-8")
    assert not is_current(root, models), "a tree that has changed is trained"
    assert roll_back(root, models, names[2]).model == names[2]
    with pytest.raises(ModelRefused, match="no earlier"):
        roll_back(root, models)
    with pytest.raises(ModelRefused, match="not among"):
        roll_back(root, models, names[0])
    (models / names[3]).write_text("x", encoding="utf-8")
    with pytest.raises(ModelRefused, match="checksum"):
        roll_back(root, models, names[3])
    assert read_records(models)[0].model == names[2]


def test_examples_are_learnt_with_the_model_or_not_at_all(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = root / "models"
    first = ensure_model(root, models)
    name = learn(root, models, EXAMPLES, 0.005)
    assert name != first
    assert (models / LEARNED).read_text(encoding="utf-8") == EXAMPLES
    assert "hàng xịt" in (models / name).read_text(encoding="utf-8")
    assert read_records(models)[0].figures == GOOD
    assert ensure_model(root, models) == name, "what was learnt belongs to the data from now on"
    assert learn(root, models, EXAMPLES, 0.005) == name
    figures = {first: GOOD, name: GOOD}
    monkeypatch.setattr(
        judgement, "measure", lambda root, model, tests: figures.get(model.name, {**GOOD, "macro_f1": 0.84})
    )
    with pytest.raises(ModelRefused, match=r"worse.*macro_f1 0\.8400 against 0\.8500"):
        learn(root, models, EXAMPLES + "# more\n", 0.005)
    assert (models / LEARNED).read_text(encoding="utf-8") == EXAMPLES
    assert read_records(models)[0].model == name
    assert ensure_model(root, models) == name
    assert learn(root, models, EXAMPLES + "# more\n", 0.02) != name
    assert learn(root, models, "", 0.005) == first, "without examples it is the first model again"
    assert not (models / LEARNED).exists()


def test_small_losses_do_not_add_up(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    models, reached = root / "models", {"": GOOD}
    monkeypatch.setattr(judgement, "measure", lambda root, model, tests: reached.get(model.name, reached[""]))

    def lesson(number: int, accuracy: float, accept: bool = False) -> str:
        reached[""] = {**GOOD, "accuracy": accuracy}
        name = learn(root, models, f"{EXAMPLES}# {number}\n", 0.005, accept)
        reached[name] = reached[""]
        return name

    first = lesson(1, 0.900)
    name = lesson(2, 0.896)
    with pytest.raises(ModelRefused, match=r"best model so far.*accuracy 0\.8920 against 0\.9000.*--accept-worse"):
        lesson(3, 0.892)
    assert read_records(models)[0].model == name
    roll_back(root, models, first)
    with pytest.raises(ModelRefused, match="worse than trian-"):
        lesson(3, 0.892)
    assert lesson(3, 0.892, accept=True) != name
    lesson(4, 0.888)
    best = read_best(models)
    assert best is not None
    assert best.figures["accuracy"] == 0.892, "what was accepted is what is to be reached"
    tests = root / "data" / "nlu_test" / "messages.jsonl"
    tests.write_text('{"text": "alo shop", "label": "greet"}\n', encoding="utf-8")
    lesson(5, 0.884)
    assert "tests have changed" in capsys.readouterr().out


def test_what_makes_a_candidate_worse() -> None:
    assert objections(GOOD, GOOD, 0.0) == []
    assert objections({**GOOD, "accuracy": 0.895}, GOOD, 0.005) == []
    assert len(objections({**GOOD, "accuracy": 0.894, "macro_f1_no_accents": 0.8}, GOOD, 0.005)) == 2
    assert "labels" in objections({**GOOD, LEFT_OUT: 3.0}, GOOD, 0.5)[0]


def test_only_rows_with_one_label_are_tests(root: Path) -> None:
    assert [path.name for path in judgement.fixed_tests(root)] == ["messages.jsonl"]


def test_two_trainings_at_once_refuse_politely_and_a_killed_one_leaves_nothing(root: Path) -> None:
    models = root / "models"
    serving = ensure_model(root, models)
    code = (
        "import sys, time, pathlib; from nlu.models import training\n"
        "with training(pathlib.Path(sys.argv[1])) as work:\n"
        "    (work / 'draft').touch(); print('in', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(models)]
    other = subprocess.Popen(
        command, stdout=subprocess.PIPE, cwd=root, env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True
    )
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "in\n"
        with pytest.raises(ModelRefused, match="under way"):
            ensure_model(root, models, force=True)
    finally:
        other.send_signal(signal.SIGKILL)
        other.wait(10)
    assert (models / ".work" / "draft").exists()
    assert is_current(root, models)
    assert ensure_model(root, models, force=True) == serving
    assert {path.name for path in models.iterdir()} == {serving, "current.json", ".training.lock"}


def test_who_only_needs_a_model_waits_for_the_one_that_is_being_trained(root: Path) -> None:
    models = root / "models"
    mark = fingerprint(root)
    names: list[str] = []
    waiting = threading.Thread(target=lambda: names.append(ensure_model(root, models)))
    with training(models):
        waiting.start()
        time.sleep(0.3)
        (models / model_name(mark)).write_text("trained by the other", encoding="utf-8")
        write_current(models, mark)
    waiting.join(10)
    assert names == [model_name(mark)]
    assert (models / names[0]).read_text(encoding="utf-8") == "trained by the other"


def test_a_training_whose_caller_is_gone_changes_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = root / "models"
    serving = ensure_model(root, models)
    monkeypatch.setattr(train, "_ASKED_BY", 1)
    with pytest.raises(ModelRefused, match="gone"):
        learn(root, models, EXAMPLES, 0.005)
    assert read_records(models)[0].model == serving
    assert not (models / LEARNED).exists()


def test_a_damaged_model_is_trained_anew(root: Path) -> None:
    models = root / "models"
    name = ensure_model(root, models)
    whole = (models / name).read_text(encoding="utf-8")
    (models / name).write_text(whole[:5], encoding="utf-8")
    record = read_current(models)
    assert record is not None
    assert "checksum" in str(damage(models, record))
    assert not is_current(root, models)
    assert ensure_model(root, models) == name
    assert (models / name).read_text(encoding="utf-8") == whole


def test_what_was_learnt_is_part_of_the_fingerprint(root: Path, tmp_path: Path) -> None:
    before = fingerprint(root)
    assert fingerprint(root, tmp_path / "absent.yml") == before
    (tmp_path / "learned.yml").write_text(EXAMPLES, encoding="utf-8")
    assert fingerprint(root, tmp_path / "learned.yml") != before


def test_a_record_that_leads_elsewhere_is_none(root: Path) -> None:
    models = root / "models"
    name = ensure_model(root, models)
    text = (models / "current.json").read_text(encoding="utf-8")
    (models / "current.json").write_text(text.replace(name, f"../{name}"), encoding="utf-8")
    assert read_current(models) is None


def test_killed_while_training_for_real(project: Path, tmp_path: Path) -> None:
    root = tmp_path / "real"
    shutil.copytree(project, root, ignore=shutil.ignore_patterns("models"))
    models = root / "models"
    serving = put(models, "a")
    before = (models / "current.json").read_bytes()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "nlu.train", "--root", str(root)]
    process = subprocess.Popen(command, cwd=root, env=environment, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not any((models / ".work").glob("tmp*")) and time.monotonic() < deadline:
        assert process.poll() is None, "the training ended before it could be killed"
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    assert (models / "current.json").read_bytes() == before
    assert read_current(models) is not None
    with training(models) as work:
        assert list(work.iterdir()) == []
    assert {path.name for path in models.iterdir()} == {serving, "current.json", ".training.lock"}
