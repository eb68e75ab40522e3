"""The trained models as an operator sees them, at the root.

`python -m nlu.shelf list`, `… rollback [MODEL]` and `… promote [--accept-worse]`.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from nlu import candidate
from nlu.fingerprint import read_records
from nlu.models import ModelRefused, damage, roll_back

_WAITS = "waits for `trian promote`"


def _list(models: Path) -> None:
    """A table for people, and its last line for programs."""
    records, waiting = read_records(models), candidate.read(models)
    print(f"{'':<3}{'model':<30}{'trained (UTC)':<21}{'accuracy':>9}{'macro F1':>9}   state")
    for number, one in enumerate(records):
        state = damage(models, one) or ("in use" if number == 0 else "kept")
        state += ", rolled back to" if one.held_for else ""
        _line("*" if number == 0 else "", one.model, one.trained_at, one.figures, state)
    if waiting is not None:
        _line("?", waiting["model"], waiting["trained_at"], waiting["verdict"]["figures"], _WAITS)
    print(json.dumps({"models": [asdict(one) for one in records], "candidate": waiting}))


def _line(sign: str, model: str, trained_at: str, figures: dict[str, float], state: str) -> None:
    accuracy, f1 = (f"{figures[key]:.4f}" if key in figures else "-" for key in ("accuracy", "macro_f1"))
    print(f"{sign:<3}{model:<30}{trained_at[:19].replace('T', ' '):<21}{accuracy:>9}{f1:>9}   {state}")


def main() -> None:
    """Exit code 0: done; 1: refused, with a sentence."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["list", "rollback", "promote"])
    parser.add_argument("model", nargs="?")
    parser.add_argument("--accept-worse", action="store_true", help="promote it although it is worse")
    parser.add_argument("--root", type=Path, default=Path.cwd())
    parser.add_argument("--models", type=Path, help="default: models/ at the root")
    arguments = parser.parse_args()
    models = arguments.models or arguments.root / "models"
    if arguments.what == "list":
        _list(models)
        return
    try:
        if arguments.what == "promote":
            name = candidate.promote(arguments.root, models, arguments.accept_worse)
        else:
            name = roll_back(arguments.root, models, arguments.model).model
    except ModelRefused as refused:
        print(f"nlu: {refused}", flush=True)
        sys.exit(1)
    print(f"nlu: {name} is in use", flush=True)


if __name__ == "__main__":
    main()
