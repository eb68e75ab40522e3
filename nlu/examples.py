"""Labelled messages: the training sentences of data/nlu, test rows in JSON lines, and the settings of a pipeline."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML

from nlu.intent_model import ModelConfig

CLASSIFIER = "nlu.components.intent_classifier.VietnameseIntentClassifier"


class BadRows(Exception):
    """A file of test rows that cannot be used; the message says which line and what to do."""


@dataclass(frozen=True)
class Labelled:
    """Messages and their intents, both of the same length."""

    texts: list[str]
    labels: list[str]


def read_examples(folder: Path) -> Labelled:
    """All training sentences of a folder of Rasa YAML files, in the order of the file names."""
    found = Labelled([], [])
    for path in sorted(folder.glob("*.yml")):
        for block in (YAML(typ="safe").load(path.read_text(encoding="utf-8")) or {}).get("nlu", []):
            lines = [line.strip()[2:].strip() for line in block.get("examples", "").splitlines() if line.strip()]
            if "intent" in block:
                found.texts.extend(lines)
                found.labels.extend([block["intent"]] * len(lines))
    return found


def read_rows(path: Path) -> Labelled:
    """Rows {"text": …, "label": …}, one JSON object a line; empty lines are passed over. Raises BadRows."""
    found = Labelled([], [])
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadRows(f"{path} cannot be read as UTF-8 text: {error}") from error
    for number, line in enumerate(lines, start=1):
        if line.strip():
            text, label = _row(path, number, line)
            found.texts.append(text)
            found.labels.append(label)
    if not found.texts:
        raise BadRows(f'{path} holds no row: write one JSON object a line, {{"text": …, "label": …}}')
    return found


def _row(path: Path, number: int, line: str) -> tuple[str, str]:
    try:
        row = json.loads(line)
        text, label = row["text"], row["label"]
    except (ValueError, KeyError, TypeError) as error:
        raise BadRows(f'{path}, line {number}: expected {{"text": …, "label": …}}, got {line[:80]!r}') from error
    if not isinstance(text, str) or not isinstance(label, str):
        raise BadRows(f"{path}, line {number}: text and label must be strings")
    return text, label


def read_pipeline(path: Path) -> tuple[ModelConfig, float, float]:
    """The classifier's settings and the two fallback thresholds of a config.yml."""
    steps = {step["name"]: step for step in YAML(typ="safe").load(path.read_text(encoding="utf-8"))["pipeline"]}
    fallback = steps["FallbackClassifier"]
    return ModelConfig.from_mapping(steps[CLASSIFIER]), fallback["threshold"], fallback["ambiguity_threshold"]
