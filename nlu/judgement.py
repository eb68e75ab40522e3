"""Whether a freshly trained model may replace the serving one: both are asked the fixed tests, typed and unaccented."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nlu.fingerprint import Best, CurrentModel, checksum, read_best
from nlu.models import ModelRefused, damage

FIGURES = ("accuracy", "macro_f1", "accuracy_no_accents", "macro_f1_no_accents")
LEFT_OUT = "unknown_label_rows"
_TIMEOUT_S = 900


class NotMeasured(Exception):
    """A model could not be asked the tests; the message holds the last line the evaluation wrote."""


@dataclass(frozen=True)
class Verdict:
    """A judged model: its `figures`, those it had `to_reach` (None without a model to compare with), the `best` there
    are if it is put in use, those if it is although it is worse (`anew`), and what speaks against it, in short lines.
    """

    figures: dict[str, float]
    to_reach: dict[str, float] | None
    best: Best
    anew: Best
    objections: list[str]
    against: str = ""

    @property
    def said(self) -> str:
        """The objections as one sentence."""
        return f"the candidate is worse than {self.against}: {'; '.join(self.objections)}"


def judge(
    root: Path,
    models: Path,
    path: Path,
    serving: CurrentModel | None,
    tolerance: float,
    say: Callable[[str], None],
) -> Verdict:
    """Asks the candidate and the serving model the fixed tests, and compares with it and with the best ever recorded.

    Raises ModelRefused when the candidate cannot be measured.
    """
    tests = fixed_tests(root)
    if not tests:
        raise ModelRefused("there are no fixed tests in data/nlu_test/ to judge by")
    say(f"measuring the candidate on {', '.join(test.name for test in tests)}")
    try:
        figures = measure(root, path, tests)
    except NotMeasured as error:
        raise ModelRefused(f"the candidate could not be measured: {error}") from error
    questions = digest(tests)
    before = _serving_figures(root, models, serving, tests, say)
    best = _best(models, questions, say)
    rivals = [(before, serving.model if serving else "")]
    rivals.append((best.figures if best else None, "the best model so far (small losses add up)"))
    against, found = "", list[str]()
    for to_reach, whose in rivals:
        if to_reach is not None and not found:
            for line in table(figures, to_reach):
                say(line)
            against, found = whose, objections(figures, to_reach, tolerance)
    # What serves may be better than the candidate within the tolerance, and be on no record.
    known = best_of(figures, before) if before is not None else figures
    reached = Best(questions, best_of(known, best.figures) if best is not None else known)
    return Verdict(figures, before, reached, Best(questions, figures), found, against)


def _best(models: Path, questions: str, say: Callable[[str], None]) -> Best | None:
    best = read_best(models)
    if best is not None and best.tests != questions:
        say("the fixed tests have changed: the best figures so far no longer count")
        return None
    return best


def _serving_figures(
    root: Path, models: Path, serving: CurrentModel | None, tests: Sequence[Path], say: Callable[[str], None]
) -> dict[str, float] | None:
    """What the serving model reaches; None without one that can be asked."""
    if serving is None or damage(models, serving):
        return None
    say("measuring the serving model")
    try:
        return measure(root, models / serving.model, tests)
    except NotMeasured as error:
        # A model of older code cannot be loaded any more: the server could not start with it either.
        say(f"the serving model cannot be measured with this code ({error}); it is not compared with")
        return None


def fixed_tests(root: Path) -> list[Path]:
    """The files of data/nlu_test/ whose rows carry a text and one label."""
    files = sorted((root / "data" / "nlu_test").glob("*.jsonl"))
    return [path for path in files if {"text", "label"} <= _first_row(path).keys()]


def measure(root: Path, model: Path, tests: Sequence[Path]) -> dict[str, float]:
    """FIGURES and LEFT_OUT of a model file, all tests' rows together, by nlu.evaluate in a process of its own.

    Raises NotMeasured.
    """
    files = [part for path in tests for part in ("--file", str(path.resolve()))]
    command = [sys.executable, "-m", "nlu.evaluate", "--model", str(model.resolve()), *files]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    try:
        found = json.loads(done.stdout.splitlines()[-1])
        return {LEFT_OUT: float(found.get(LEFT_OUT, 0)), **{name: float(found[name]) for name in FIGURES}}
    except (IndexError, ValueError, KeyError, TypeError):
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise NotMeasured(f"exit code {done.returncode}: {' '.join(last)[:300]}") from None


def objections(candidate: dict[str, float], serving: dict[str, float], tolerance: float) -> list[str]:
    """Why the candidate must not replace the serving model: each figure worse by more than `tolerance` (0 to 1).

    A model that does not know a label is not asked its rows: it must not know fewer labels than the serving one.
    """
    worse = [
        f"{name} {candidate[name]:.4f} against {serving[name]:.4f}"
        for name in FIGURES
        if serving[name] - candidate[name] > tolerance + 1e-9
    ]
    missing = candidate[LEFT_OUT] - serving[LEFT_OUT]
    return worse + ([f"{missing:.0f} more rows have labels it does not know"] if missing > 0 else [])


def best_of(candidate: dict[str, float], best: dict[str, float]) -> dict[str, float]:
    """The better of each figure; of LEFT_OUT the smaller."""
    known = {name: max(value, best.get(name, value)) for name, value in candidate.items()}
    return {**known, LEFT_OUT: min(candidate[LEFT_OUT], best.get(LEFT_OUT, candidate[LEFT_OUT]))}


def digest(tests: Sequence[Path]) -> str:
    """SHA-256 (hex) of the tests: figures are compared only where the questions were the same."""
    whole = hashlib.sha256()
    for path in tests:
        whole.update(f"{path.name}\0{checksum(path)}\0".encode())
    return whole.hexdigest()


def table(candidate: dict[str, float], serving: dict[str, float]) -> list[str]:
    """The comparison, one line a figure."""
    head = f"{'':<22}{'to reach':>9}{'candidate':>11}"
    return [head, *(f"{name:<22}{serving[name]:>9.4f}{candidate[name]:>11.4f}" for name in FIGURES)]


def _first_row(path: Path) -> dict[str, object]:
    with path.open(encoding="utf-8") as file:
        row = json.loads(next((line for line in file if line.strip()), "{}"))
    return row if isinstance(row, dict) else {}
