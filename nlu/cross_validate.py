"""Measure the intent model on the training sentences themselves: `python -m nlu.cross_validate --folds 5`.

Each sentence is judged by a model that has not seen it, as typed and with its accents stripped. Prints tables (one of
them shows what other fallback thresholds would do) and, last, one JSON object.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.model_selection import StratifiedKFold

from nlu.examples import Labelled, read_examples, read_pipeline
from nlu.intent_model import IntentModel, ModelConfig, train
from nlu.measures import Guesses, figures, joined, print_figures, print_labels
from nlu.normalisation import default_normaliser, strip_accents

_THRESHOLDS = (0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6)


def guess(
    model: IntentModel, texts: Sequence[str], truth: Sequence[str], threshold: float, ambiguity: float
) -> Guesses:
    """Ask a model about raw texts; the thresholds are those of Rasa's FallbackClassifier."""
    normalise = default_normaliser()
    probabilities = model.probabilities([normalise(text) for text in texts])
    ordered = np.sort(probabilities, axis=1)
    confidence, lead = ordered[:, -1], ordered[:, -1] - ordered[:, -2]
    best = [model.intents[i] for i in probabilities.argmax(axis=1)]
    return Guesses(list(truth), best, confidence, (confidence < threshold) | (lead < ambiguity))


def cross_validate(
    data: Labelled, config: ModelConfig, folds: int, threshold: float, ambiguity: float
) -> tuple[Guesses, Guesses]:
    """Guesses for every sentence while unseen: as typed, and with its accents stripped."""
    texts, labels = data.texts, data.labels
    splits = StratifiedKFold(n_splits=folds, shuffle=True, random_state=config.seed)
    typed: list[Guesses] = []
    bare: list[Guesses] = []
    for seen, unseen in splits.split(np.zeros(len(labels)), labels):
        model = train([texts[i] for i in seen], [labels[i] for i in seen], config)
        asked, truth = [texts[i] for i in unseen], [labels[i] for i in unseen]
        typed.append(guess(model, asked, truth, threshold, ambiguity))
        bare.append(guess(model, [strip_accents(text) for text in asked], truth, threshold, ambiguity))
    return joined(typed), joined(bare)


def _print_thresholds(guesses: Guesses) -> None:
    print("\nwith other thresholds (and no condition on the lead over the second):")
    rows = {}
    for threshold in _THRESHOLDS:
        rejected = guesses.confidence < threshold
        rows[f"threshold {threshold}"] = figures(Guesses(guesses.truth, guesses.guess, guesses.confidence, rejected))
    print_figures(rows)


def main() -> None:
    """Run the measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--data", type=Path, default=Path("data/nlu"))
    parser.add_argument("--config", type=Path, default=Path("config.yml"))
    arguments = parser.parse_args()
    data = read_examples(arguments.data)
    config, threshold, ambiguity = read_pipeline(arguments.config)
    started = time.perf_counter()
    typed, bare = cross_validate(data, config, arguments.folds, threshold, ambiguity)
    print_labels(typed)
    _print_thresholds(typed)
    rows = {"as typed": figures(typed), "accents stripped": figures(bare)}
    print_figures(rows)
    summary: dict[str, Any] = {"examples": len(data.texts), "folds": arguments.folds}
    summary |= {title.replace(" ", "_"): row for title, row in rows.items()}
    summary["duration_s"] = round(time.perf_counter() - started, 2)
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
