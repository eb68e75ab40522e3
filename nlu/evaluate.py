"""Ask a trained model about labelled messages: `python -m nlu.evaluate --file rows.jsonl [--model models/X.tar.gz]`.

Every row {"text", "label"} goes through the model's whole pipeline, as typed and with its accents stripped. Prints a
table and, last, one JSON object. A row whose label the model does not know is counted and left out.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nlu.examples import BadRows, Labelled, read_rows
from nlu.fingerprint import read_current
from nlu.measures import Guesses, by_label, figures, print_figures, print_labels
from nlu.normalisation import default_normaliser, strip_accents
from nlu.quiet import quieten

if TYPE_CHECKING:
    from rasa.core.agent import Agent

FALLBACK = "nlu_fallback"
_WARM_UP = 10


@dataclass(frozen=True)
class Evaluation:
    """What one model makes of one set of rows. Durations in milliseconds a message, one after the other."""

    model: str
    unknown: Counter[str]
    typed: Guesses
    bare: Guesses
    durations_ms: list[float]
    noise: list[float]

    @property
    def noisiest_third(self) -> NDArray[np.int64]:
        """The places of the rows least like tidy Vietnamese (nlu.normalisation.Normaliser.noise), at least one."""
        order = np.argsort([-share for share in self.noise], kind="stable")
        return order[: max(1, len(order) // 3)]

    def summary(self) -> dict[str, Any]:
        """The object of the last line."""
        typed, bare = figures(self.typed), figures(self.bare)
        kept = ("rows", "precision", "recall")
        return {
            "rows": len(self.typed.truth),
            "unknown_label_rows": sum(self.unknown.values()),
            "unknown_labels": dict(self.unknown),
            **typed,
            **{f"{name}_no_accents": bare[name] for name in bare},
            "accuracy_noisiest_third": round(float(self.typed.right[self.noisiest_third].mean()), 4),
            "labels": {name: {key: row[key] for key in kept} for name, row in by_label(self.typed).items()},
            "p50_ms": round(float(np.percentile(self.durations_ms, 50)), 3),
            "p95_ms": round(float(np.percentile(self.durations_ms, 95)), 3),
            "model": self.model,
        }


def evaluate(path: Path, rows: Labelled) -> Evaluation:
    """Load the model at `path` as the server does and ask it. Raises BadRows if it knows none of the labels."""
    from rasa.core.agent import Agent  # slow: TensorFlow comes with it

    agent = Agent.load(path)
    known = set(agent.domain.intents)
    unknown = Counter(label for label in rows.labels if label not in known)
    pairs = [(text, label) for text, label in zip(rows.texts, rows.labels, strict=True) if label in known]
    if not pairs:
        raise BadRows(f"the model knows none of the labels {', '.join(sorted(unknown))}")
    texts, truth = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    return asyncio.run(_ask_all(agent, path.name, unknown, texts, truth))


async def _ask_all(agent: Agent, name: str, unknown: Counter[str], texts: list[str], truth: list[str]) -> Evaluation:
    for text in texts[:_WARM_UP]:
        await agent.parse_message(text)
    durations: list[float] = []
    typed = await _ask(agent, texts, truth, durations)
    bare = await _ask(agent, [strip_accents(text) for text in texts], truth, [])
    noise = [default_normaliser().noise(text) for text in texts]
    return Evaluation(name, unknown, typed, bare, durations, noise)


async def _ask(agent: Agent, texts: Sequence[str], truth: Sequence[str], durations_ms: list[float]) -> Guesses:
    best: list[str] = []
    confidence: list[float] = []
    rejected: list[bool] = []
    for text in texts:
        started = time.perf_counter()
        answer = await agent.parse_message(text)
        durations_ms.append((time.perf_counter() - started) * 1000)
        rejected.append(answer["intent"]["name"] in (FALLBACK, None))
        nothing: dict[str, Any] = {"name": "", "confidence": 0.0}
        own = next((g for g in answer["intent_ranking"] if g["name"] != FALLBACK), nothing)
        best.append(str(own["name"]))
        confidence.append(float(own["confidence"]))
    return Guesses(list(truth), best, np.array(confidence), np.array(rejected, dtype=bool))


def main() -> None:
    """Exit code 0 with figures; 2 with a sentence if the model or the rows cannot be used."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--file", type=Path, action="append", required=True, help="may be given several times")
    parser.add_argument("--model", type=Path, help="default: the model in use")
    parser.add_argument("--models", type=Path, default=Path("models"), help="where the model in use is looked for")
    arguments = parser.parse_args()
    os.environ.setdefault("LOG_LEVEL", "ERROR")
    quieten()
    try:
        parts = [read_rows(path) for path in arguments.file]
        rows = Labelled([t for part in parts for t in part.texts], [x for part in parts for x in part.labels])
        result = evaluate(arguments.model or _in_use(arguments.models), rows)
    except BadRows as error:
        print(f"nlu: {error}", file=sys.stderr)
        sys.exit(2)
    print_labels(result.typed)
    print_figures({"as typed": figures(result.typed), "accents stripped": figures(result.bare)})
    print(f"\nof the noisiest third, rightly named: {result.summary()['accuracy_noisiest_third']}")
    if result.unknown:
        print(
            f"\n{sum(result.unknown.values())} rows left out, the model does not know their labels: "
            f"{', '.join(f'{name} {count}' for name, count in result.unknown.most_common())}"
        )
    print(json.dumps(result.summary(), ensure_ascii=False))


def _in_use(models: Path) -> Path:
    current = read_current(models)
    if current is None:
        raise BadRows(f"there is no model in {models}: run make model, or name one with --model")
    return models / current.model


if __name__ == "__main__":
    main()
