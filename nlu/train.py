"""Train the model if the one in use does not fit the data: `python -m nlu.train [--check] [--force]`, at the root.

With `--learned --tolerance T` (`trian train`) examples that people assigned are read from standard input, and the new
model is judged: it must not be worse on the fixed tests than the serving one, nor than the best figures ever recorded,
by more than T.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from pathlib import Path

from ruamel.yaml import YAML

from nlu import candidate, judgement
from nlu.fingerprint import LEARNED, fingerprint, model_name, read_current, read_records, write_current
from nlu.models import ModelRefused, damage, misfit, training
from nlu.quiet import quieten

PROBES = Path(__file__).with_name("probes.yml")
MIN_PROBE_CONFIDENCE = 0.4
_DATA = ("data/nlu", "data/rules", "data/stories")
_ASKED_BY = os.getppid()
_WAYS = (
    "Look at the examples that came in last (`trian nlu review --state assigned`, `trian nlu undo`); to take it as it "
    "is: `trian train --accept-worse`"
)


def is_current(root: Path, models: Path) -> bool:
    """Whether the model in use was trained on exactly what the tree and the learned examples are now, and is whole.

    One that was rolled back to counts too, as long as nothing has changed since.
    """
    return misfit(root, models) is None


def ensure_model(root: Path, models: Path, force: bool = False) -> str:
    """Train, probe and put in use a model for this tree, unless it is there. Returns its file name.

    A training that is under way is waited for, as its model may be the one; not with `force`. Raises ModelRefused; the
    model in use stays as it was then.
    """
    if not force and is_current(root, models):
        return _fits(models)
    with training(models, wait=not force) as work:
        if not force and is_current(root, models):
            return _fits(models)
        learned = models / LEARNED
        mark = fingerprint(root, learned)  # of the tree as it is trained on: somebody may write on in the meantime
        path = _candidate(root, models, work, learned, mark, force)
        _say("probing the model")
        probe(path)
        return _put_in_use(models, path, mark)


def _fits(models: Path) -> str:
    name = read_records(models)[0].model
    _say(f"{name} fits the data, nothing to train")
    return name


def learn(root: Path, models: Path, learned: str, tolerance: float, accept: bool = False, hold: bool = False) -> str:
    """Train with the examples `learned` (Rasa YAML, or nothing), judge, and put in use. Returns the file name.

    `accept`: put it in use although it is worse; its figures are the ones to reach from then on. `hold`: put it beside
    the models with what was found, for a person to decide (see nlu.candidate). Raises ModelRefused; model and learned
    examples in use stay as they were then.
    """
    with training(models) as work:
        draft = work / LEARNED
        if learned:
            draft.write_text(learned, encoding="utf-8")
        mark = fingerprint(root, draft)
        serving = read_current(models)
        if serving is not None and serving.fingerprint == mark and not damage(models, serving):
            _say(f"{serving.model} has learnt all of it already")
            return serving.model
        path = _candidate(root, models, work, draft, mark)
        _say("probing the model")
        probe(path)
        verdict = judgement.judge(root, models, path, serving, tolerance, _say)
        if hold:
            return candidate.keep(models, work, path, mark, draft, verdict)
        if verdict.objections and not accept:
            raise ModelRefused(f"{verdict.said}. {_WAYS}")
        _asked_still()
        name = candidate.put_in_use(models, path, mark, draft, verdict)
        _say(f"{name} is in use")
        return name


def _candidate(root: Path, models: Path, work: Path, learned: Path, mark: str, force: bool = False) -> Path:
    """The model for this tree: a kept one, if it is whole, or a new one among the drafts."""
    name = model_name(mark)
    kept = next((one for one in read_records(models) if one.model == name), None)
    if kept is not None and not force and not damage(models, kept):
        return models / name
    path = work / name
    train_model(root, path, learned)
    return path


def _asked_still() -> None:
    if os.getppid() != _ASKED_BY:
        raise ModelRefused("whoever asked for the training is gone; nothing was changed")


def _put_in_use(models: Path, path: Path, mark: str) -> str:
    """Move the draft into place, the record last: it is what the servers follow."""
    _asked_still()
    target = models / path.name
    if path != target:
        path.replace(target)
    write_current(models, mark)
    _say(f"{target.name} is in use")
    return target.name


def train_model(root: Path, path: Path, learned: Path | None = None) -> None:
    """Train into `path`. The file appears whole or not at all. Raises ModelRefused if Rasa could not train."""
    _say("loading Rasa (about 15 s)")
    from rasa.model_training import train  # slow: TensorFlow comes with it

    started = time.perf_counter()
    _say("training")
    draft = f".{os.getpid()}.{path.name}"
    folders = [str(root / folder) for folder in _DATA if (root / folder).is_dir()]
    further = [str(learned)] if learned is not None and learned.is_file() else []
    domain = root / "domain.yml" if (root / "domain.yml").is_file() else root / "domain"
    result = train(
        domain=str(domain),
        config=str(root / "config.yml"),
        training_files=folders + further,
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

    try:
        agent = Agent.load(path)
    except Exception as error:
        raise ModelRefused(f"{path.name} cannot be loaded: {error}") from error
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
    """Exit code 0: a fitting model is in use; 1: it is not (with --check), or training failed or was refused."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, default=Path.cwd())
    parser.add_argument("--models", type=Path, help="default: models/ at the root")
    parser.add_argument("--check", action="store_true", help="train nothing, only say whether the model in use fits")
    parser.add_argument("--force", action="store_true", help="train although a fitting model is there")
    parser.add_argument("--learned", action="store_true", help="learn the Rasa training data on standard input too")
    parser.add_argument("--tolerance", type=float, default=0.005, help="how much worse it may be, 0 to 1")
    parser.add_argument("--hold", action="store_true", help="with --learned: put in use by a person afterwards")
    parser.add_argument("--accept-worse", action="store_true", help="with --learned: however bad it is")
    arguments = parser.parse_args()
    models = arguments.models or arguments.root / "models"
    if arguments.check:
        wrong = misfit(arguments.root, models)
        _say(wrong or "the model in use fits the data")
        sys.exit(1 if wrong else 0)
    os.environ.setdefault("LOG_LEVEL", "ERROR")  # Rasa's progress bars are for terminals
    quieten()
    try:
        if arguments.learned:
            examples = sys.stdin.buffer.read().decode()
            learn(arguments.root, models, examples, arguments.tolerance, arguments.accept_worse, arguments.hold)
        else:
            ensure_model(arguments.root, models, arguments.force)
    except ModelRefused as refused:
        _say(str(refused))
        sys.exit(1)


if __name__ == "__main__":
    main()
