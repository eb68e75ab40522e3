"""`trian doctor`: what is right, what is not, and what to do about it."""

import json
import subprocess
from collections.abc import Callable

from crm import embeddings, health, knowledge, schema
from crm.db import database
from crm.errors import SettingsProblem
from crm.settings import settings
from operations import learning, preflight
from operations.processes import NLU_PYTHON, ROOT


def report() -> int:
    """Prints one line a check; returns 0 when all are right, else 1."""
    checks: list[tuple[str, Callable[[], str]]] = [
        ("settings", _settings),
        ("Rasa's environment", _rooms),
        ("database", _database),
        ("model", _model),
        ("understanding", _understanding),
        ("knowledge", _knowledge),
        ("Telegram", _telegram),
        ("processes", _processes),
    ]
    wrong = 0
    for name, check in checks:
        try:
            print(f"  ok   {name}: {check()}")
        except Exception as problem:
            wrong += 1
            print(f"  !!   {name}: {problem}")
    return 1 if wrong else 0


def _settings() -> str:
    _ = settings().secret
    return f"{settings().timezone}, {settings().telegram_mode}"


def _rooms() -> str:
    preflight.check_rooms()
    return "installed"


def _database() -> str:
    if not schema.is_current(database(settings().database_url).engine):
        raise SettingsProblem("not at the newest shape; run `trian migrate`")
    return database(settings().database_url).engine.dialect.name


def _model() -> str:
    checked = subprocess.run(
        [str(NLU_PYTHON), "-m", "nlu.train", "--check", "--models", str(settings().models_dir)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if checked.returncode:
        said = (checked.stdout or checked.stderr).strip().splitlines()[-1:]
        raise SettingsProblem(
            f"{' '.join(said).removeprefix('nlu: ')}; `trian train` or `make run` trains one that fits"
        )
    return str(json.loads((ROOT / settings().models_dir / "current.json").read_text(encoding="utf-8"))["model"])


def _understanding() -> str:
    said = learning.health(settings())
    if said is None:
        return "Rasa does not run here now"
    if said.get("refused_model"):
        raise SettingsProblem(f"{said['model']} serves because another stays out: {said['refused_model']}")
    return f"{said['model']} serves"


def _knowledge() -> str:
    if problem := embeddings.problem():
        raise SettingsProblem(f"answers are found by words alone, as embeddings cannot be loaded ({problem})")
    with database(settings().database_url).read() as session:
        found = knowledge.index(session)
    return f"{len(found.passages)} passages, {int(found.embedded.sum())} of them embedded"


def _telegram() -> str:
    if settings().simulated:
        return "the simulator stands in (no TRIAN_TELEGRAM_TOKEN)"
    name = preflight.check_token(settings())
    if name is None:
        raise SettingsProblem("not reached; check the network or TRIAN_TELEGRAM_PROXY")
    return f"@{name}"


def _processes() -> str:
    with database(settings().database_url).begin() as session:
        health.try_to_write(session)
    with database(settings().database_url).read() as session:
        signs, problems = health.signs(session), health.problems(session, settings().bot_id)
    for problem in problems:
        print(f"  {'!!' if problem.red else '? '}   {problem.what}: {problem.do}")
    if reds := sum(problem.red for problem in problems):
        raise SettingsProblem(f"{reds} of the problems above keep customers waiting")
    return ", ".join(f"{sign.process} ({sign.status})" for sign in signs) or "none has run yet"
