"""Measure the understanding: `python -m nlu.evaluate --folds 5 [--test data/nlu_test/messages.jsonl]`.

Cross-validates on data/nlu, as typed and with every accent stripped, and prints a table and, last, one JSON object.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ruamel.yaml import YAML
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedKFold

from nlu.intent_model import IntentModel, ModelConfig, train
from nlu.normalisation import default_normaliser, strip_accents

CLASSIFIER = "nlu.components.intent_classifier.VietnameseIntentClassifier"


@dataclass
class Guesses:
    """Predictions for unseen messages: true and guessed intent, the guess's probability, and its lead over the next."""

    truth: list[str]
    guess: list[str]
    confidence: NDArray[np.float64]
    lead: NDArray[np.float64]

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether each guess is right."""
        return np.array([truth == guess for truth, guess in zip(self.truth, self.guess, strict=True)])


def read_examples(folder: Path) -> tuple[list[str], list[str]]:
    """Return the texts and the intents of all Rasa YAML files of a folder, in the order of file names."""
    texts: list[str] = []
    labels: list[str] = []
    for path in sorted(folder.glob("*.yml")):
        for block in (YAML(typ="safe").load(path.read_text(encoding="utf-8")) or {}).get("nlu", []):
            lines = [line.strip()[2:].strip() for line in block.get("examples", "").splitlines() if line.strip()]
            if "intent" in block:
                texts += lines
                labels += [block["intent"]] * len(lines)
    return texts, labels


def read_pipeline(path: Path) -> tuple[ModelConfig, float, float]:
    """Return the classifier's settings and the two fallback thresholds of a config.yml."""
    steps = {step["name"]: step for step in YAML(typ="safe").load(path.read_text(encoding="utf-8"))["pipeline"]}
    fallback = steps["FallbackClassifier"]
    return ModelConfig.from_mapping(steps[CLASSIFIER]), fallback["threshold"], fallback["ambiguity_threshold"]


def guess(model: IntentModel, texts: Sequence[str], truth: Sequence[str]) -> Guesses:
    """Ask a model about raw texts."""
    normalise = default_normaliser()
    probabilities = model.probabilities([normalise(text) for text in texts])
    ordered = np.sort(probabilities, axis=1)
    best = [model.intents[i] for i in probabilities.argmax(axis=1)]
    return Guesses(list(truth), best, ordered[:, -1], ordered[:, -1] - ordered[:, -2])


def cross_validate(
    texts: Sequence[str], labels: Sequence[str], config: ModelConfig, folds: int
) -> tuple[Guesses, Guesses]:
    """Return guesses for every text while unseen: as typed, and with its accents stripped."""
    splits = StratifiedKFold(n_splits=folds, shuffle=True, random_state=config.seed)
    typed: list[Guesses] = []
    bare: list[Guesses] = []
    for seen, unseen in splits.split(np.zeros(len(labels)), labels):
        model = train([texts[i] for i in seen], [labels[i] for i in seen], config)
        asked, truth = [texts[i] for i in unseen], [labels[i] for i in unseen]
        typed.append(guess(model, asked, truth))
        bare.append(guess(model, [strip_accents(text) for text in asked], truth))
    return _joined(typed), _joined(bare)


def _joined(parts: Sequence[Guesses]) -> Guesses:
    return Guesses(
        [truth for part in parts for truth in part.truth],
        [best for part in parts for best in part.guess],
        np.concatenate([part.confidence for part in parts]),
        np.concatenate([part.lead for part in parts]),
    )


def figures(guesses: Guesses, threshold: float, ambiguity: float) -> dict[str, float]:
    """Accuracy, macro F1, calibration error, and the fallback's effect: the share answered, how much of it rightly."""
    right = guesses.right
    answered = (guesses.confidence >= threshold) & (guesses.lead >= ambiguity)
    return {
        "accuracy": round(float(right.mean()), 4),
        "macro_f1": round(float(f1_score(guesses.truth, guesses.guess, average="macro")), 4),
        "calibration_error": round(_calibration_error(guesses.confidence, right), 4),
        "answered": round(float(answered.mean()), 4),
        "right_when_answered": round(float(right[answered].mean()) if answered.any() else 0.0, 4),
    }


def _calibration_error(confidence: NDArray[np.float64], right: NDArray[np.bool_], bins: int = 10) -> float:
    """Expected calibration error: the gap between confidence and accuracy, weighted over equal-width bins."""
    places = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [
        abs(confidence[places == i].mean() - right[places == i].mean()) * (places == i).mean()
        for i in range(bins)
        if (places == i).any()
    ]
    return float(sum(gaps))


def _print_intents(guesses: Guesses) -> None:
    print(f"{'intent':<20}{'n':>6}{'recall':>9}   most often taken for")
    for intent in sorted(set(guesses.truth)):
        taken = Counter(g for t, g in zip(guesses.truth, guesses.guess, strict=True) if t == intent)
        total = sum(taken.values())
        wrong = ", ".join(f"{name} {n}" for name, n in taken.most_common(4) if name != intent)
        print(f"{intent:<20}{total:>6}{taken[intent] / total:>9.3f}   {wrong}")


def _print_thresholds(guesses: Guesses, ambiguity: float) -> None:
    print(f"\n{'threshold':>9}{'answered':>10}{'right':>8}   (ambiguity threshold {ambiguity})")
    for threshold in (0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6):
        row = figures(guesses, threshold, ambiguity)
        print(f"{threshold:>9}{row['answered']:>10.3f}{row['right_when_answered']:>8.3f}")


def _print_figures(rows: dict[str, dict[str, float]]) -> None:
    names = list(next(iter(rows.values())))
    print("\n" + f"{'':<16}" + "".join(f"{name:>22}" for name in names))
    for title, row in rows.items():
        print(f"{title:<16}" + "".join(f"{row[name]:>22.4f}" for name in names))


def main() -> None:
    """Run the measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--data", type=Path, default=Path("data/nlu"))
    parser.add_argument("--config", type=Path, default=Path("config.yml"))
    parser.add_argument("--test", type=Path, help='JSON lines of {"text", "label"} the training never sees')
    arguments = parser.parse_args()
    texts, labels = read_examples(arguments.data)
    config, threshold, ambiguity = read_pipeline(arguments.config)
    started = time.perf_counter()
    typed, bare = cross_validate(texts, labels, config, arguments.folds)
    _print_intents(typed)
    _print_thresholds(typed, ambiguity)
    rows = {"as typed": figures(typed, threshold, ambiguity), "accents stripped": figures(bare, threshold, ambiguity)}
    summary: dict[str, Any] = {"examples": len(texts), "intents": len(set(labels)), "folds": arguments.folds}
    if arguments.test:
        rows |= _unseen(arguments.test, texts, labels, config, threshold, ambiguity)
    _print_figures(rows)
    summary |= {title.replace(" ", "_"): row for title, row in rows.items()}
    summary["duration_s"] = round(time.perf_counter() - started, 2)
    print(json.dumps(summary))


def _unseen(
    path: Path, texts: list[str], labels: list[str], config: ModelConfig, threshold: float, ambiguity: float
) -> dict[str, dict[str, float]]:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    model = train(texts, labels, config)
    truth = [row["label"] for row in rows]
    asked = [row["text"] for row in rows]
    bare = [strip_accents(text) for text in asked]
    return {
        "test": figures(guess(model, asked, truth), threshold, ambiguity),
        "test stripped": figures(guess(model, bare, truth), threshold, ambiguity),
    }


if __name__ == "__main__":
    main()
