"""Figures of the second intent: `python -m nlu.two_intents_eval [--weights FOLDER | --model FILE]`; last line JSON.

Rows are {"text", "first", "second": null for a message that asks one thing only}. A pair is right whichever of its two
intents the model names first: `pairs_right` counts both names, `second_*` only whether a second one is rightly seen.
"""

from __future__ import annotations

import argparse
import json
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nlu import second_intent
from nlu.fingerprint import read_current
from nlu.intent_model import IntentModel
from nlu.normalisation import default_normaliser, strip_accents

_COMPONENT = "VietnameseIntentClassifier"


@dataclass(frozen=True, slots=True)
class Guess:
    """What the model makes of one row; the time that looking for a second intent took, in milliseconds."""

    first: str
    second: str | None
    took_ms: float


def ask(model: IntentModel, text: str) -> Guess:
    """Both intents, as the classifier component finds them."""
    first = model.intents[int(model.probabilities([default_normaliser()(text)])[0].argmax())]
    started = time.perf_counter()
    found = second_intent.find(text, first, model.probabilities, model.intents)
    return Guess(first, found.name if found else None, (time.perf_counter() - started) * 1000)


def figures(rows: list[dict[str, Any]], guesses: list[Guess]) -> dict[str, float]:
    """Precision: of the second intents named, how many make up the right pair. Recall: of the true pairs, how many."""
    named = [(row, guess) for row, guess in zip(rows, guesses, strict=True) if guess.second is not None]
    right = sum({guess.first, guess.second} == {row["first"], row["second"]} for row, guess in named)
    seen = sum(row["second"] is not None for row, _ in named)
    pairs = sum(row["second"] is not None for row in rows)
    return {
        "precision": round(right / max(1, len(named)), 4),
        "recall": round(right / max(1, pairs), 4),
        "two_seen_precision": round(seen / max(1, len(named)), 4),
        "two_seen_recall": round(seen / max(1, pairs), 4),
    }


@contextmanager
def weights(model: Path) -> Iterator[Path]:
    """The folder of the intent classifier's weights out of a trained model's archive, gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(model) as archive:
            wanted = [member for member in archive.getmembers() if _COMPONENT in member.name]
            archive.extractall(folder, members=wanted, filter="data")
        yield next(Path(folder).rglob("model.json")).parent


def main() -> None:
    """Print the misread rows, the figures and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--file", type=Path, default=Path("data/nlu_test/two_intents.jsonl"))
    parser.add_argument("--weights", type=Path, help="a folder written by IntentModel.save")
    parser.add_argument("--model", type=Path, help="default: the model in use")
    arguments = parser.parse_args()
    if arguments.weights:
        _report(arguments.file, IntentModel.load(arguments.weights))
        return
    current = read_current(Path("models"))
    path = arguments.model or (Path("models") / current.model if current else None)
    if path is None:
        parser.error("there is no model in models/: run make model, or name one")
    with weights(path) as folder:
        _report(arguments.file, IntentModel.load(folder))


def _report(file: Path, model: IntentModel) -> None:
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line]
    guesses = [ask(model, row["text"]) for row in rows]
    for row, guess in zip(rows, guesses, strict=True):
        wanted = {row["first"], row["second"]} if row["second"] else {None}
        if guess.second is not None or row["second"]:
            found = {guess.first, guess.second} if guess.second else {None}
            if found != wanted:
                print(f"{row['first']}+{row['second']} read as {guess.first}+{guess.second}: {row['text']}")
    bare = figures(rows, [ask(model, strip_accents(row["text"])) for row in rows])
    summary: dict[str, Any] = {"rows": len(rows), "pairs": sum(row["second"] is not None for row in rows)}
    summary |= figures(rows, guesses) | {f"{name}_no_accents": value for name, value in bare.items()}
    summary["p50_ms"] = round(float(np.percentile([guess.took_ms for guess in guesses], 50)), 3)
    summary["p95_ms"] = round(float(np.percentile([guess.took_ms for guess in guesses], 95)), 3)
    print(json.dumps(summary, ensure_ascii=False))


if __name__ == "__main__":
    main()
