"""Train the model if the one in use does not fit the data: `python -m nlu.train [--check] [--force]`, at the root."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from pathlib import Path

from ruamel.yaml import YAML

from nlu.fingerprint import fingerprint, model_name, read_current, write_current
from nlu.quiet import quieten

PROBES = Path(__file__).with_name("probes.yml")
MIN_PROBE_CONFIDENCE = 0.4
_DATA = ("data/nlu", "data/rules", "data/stories")


class ModelRefused(Exception):
    """A model that must not go on line: training failed, or the trained model fails its probes."""


def is_current(root: Path, models: Path) -> bool:
    """Whether the model in use was trained on exactly what the tree holds now."""
    current = read_current(models)
    return current is not None and current.fingerprint == fingerprint(root)


def ensure_model(root: Path, models: Path, force: bool = False) -> str:
    """Train, probe and put in use a model for this tree, unless it is there. Returns its file name.

    Raises ModelRefused; the model in use stays as it was then.
    """
    mark = fingerprint(root)
    if not force and is_current(root, models):
        _say(f"{model_name(mark)} fits the data, nothing to train")
        return model_name(mark)
    models.mkdir(parents=True, exist_ok=True)
    path = models / model_name(mark)
    if force or not path.is_file():
        train_model(root, path)
    _say("probing the model")
    probe(path)
    write_current(models, mark)
    _say(f"{path.name} is in use")
    return path.name


def train_model(root: Path, path: Path) -> None:
    """Train into `path`. The file appears whole or not at all. Raises ModelRefused if Rasa could not train."""
    _say("loading Rasa (about 15 s)")
    from rasa.model_training import train  # slow: TensorFlow comes with it

    started = time.perf_counter()
    _say("training")
    draft = f".{os.getpid()}.{path.name}"
    folders = [str(root / folder) for folder in _DATA if (root / folder).is_dir()]
    domain = root / "domain.yml" if (root / "domain.yml").is_file() else root / "domain"
    result = train(
        domain=str(domain),
        config=str(root / "config.yml"),
        training_files=folders,
        output=str(path.parent),
        force_training=True,
        fixed_model_name=draft,
    )
    if result.code != 0 or not result.model:
        raise ModelRefused(f"Rasa ended the training with code {result.code}")
    Path(result.model).replace(path)
    _say(f"trained in {time.perf_counter() - started:.0f} s, {path.stat().st_size / 1e6:.1f} MB")


def probe(path: Path, probes: Path = PROBES) -> None:
    """Load the model as the server does and ask it what it must know. Raises ModelRefused with every wrong answer."""
    from rasa.core.agent import Agent

    agent = Agent.load(path)
    wrong = []
    for intent, texts in YAML(typ="safe").load(probes.read_text(encoding="utf-8")).items():
        for text in texts:
            guess = asyncio.run(agent.parse_message(text))["intent"]
            if guess["name"] != intent or guess["confidence"] < MIN_PROBE_CONFIDENCE:
                wrong.append(f"{text!r}: {guess['name']} {guess['confidence']:.2f} instead of {intent}")
    if wrong:
        raise ModelRefused("the model fails its probes:\n  " + "\n  ".join(wrong))


def _say(line: str) -> None:
    print(f"nlu: {line}", flush=True)


def main() -> None:
    """Exit code 0: a fitting model is in use; 1: it is not (with --check), or training failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, default=Path.cwd())
    parser.add_argument("--models", type=Path, help="default: models/ at the root")
    parser.add_argument("--check", action="store_true", help="train nothing, only say whether the model in use fits")
    parser.add_argument("--force", action="store_true", help="train although a fitting model is there")
    arguments = parser.parse_args()
    models = arguments.models or arguments.root / "models"
    if arguments.check:
        fits = is_current(arguments.root, models)
        _say("the model in use fits the data" if fits else "no model fits the data: run python -m nlu.train")
        sys.exit(0 if fits else 1)
    os.environ.setdefault("LOG_LEVEL", "ERROR")  # Rasa's progress bars are for terminals
    quieten()
    try:
        ensure_model(arguments.root, models, arguments.force)
    except ModelRefused as refused:
        _say(str(refused))
        sys.exit(1)


if __name__ == "__main__":
    main()
