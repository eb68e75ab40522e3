"""`trian train`, `trian models`, `trian rollback`: the understanding learns what people assigned, or goes back."""

import contextlib
import json
import subprocess
import time
from typing import Annotated, Any

import httpx
import typer

from crm import examples, schema
from crm.db import database
from crm.errors import SettingsProblem, TrianError
from crm.settings import Settings, settings
from operations.processes import NLU_PYTHON, ROOT

FOLLOW_S = 60.0
POLL_S = 0.25
_HEALTH = "/webhooks/trian/health"


class NotLearnt(TrianError):
    """The serving model stays; the message, or the lines before it, say why."""


def train(
    accept_worse: Annotated[
        bool, typer.Option("--accept-worse", help="Take it however it compares; its figures are to be reached then.")
    ] = False,
    hold: Annotated[
        bool, typer.Option("--hold", help="Put it beside the models; `trian promote` puts it in use.")
    ] = False,
) -> None:
    """Learn what was assigned in the review queue; a model worse than the serving or the best one is refused."""
    chosen = settings()
    if not schema.is_current(database(chosen.database_url).engine):
        raise SettingsProblem("the database is not at the newest shape; run `trian migrate`")
    with database(chosen.database_url).read() as session:
        learnt = [example.id for example in examples.active(session)]
        data = examples.as_training_data(session)
    typer.echo(f"{len(learnt)} examples from the review queue")
    command = ["nlu.train", "--learned", "--tolerance", str(chosen.model_tolerance)]
    command += [*(["--accept-worse"] if accept_worse else []), *(["--hold"] if hold else [])]
    if _nlu(chosen, *command, stdin=data).returncode:
        raise NotLearnt("nothing was changed: the serving model stays; the lines above say why")
    if not hold:
        _in_use(chosen, learnt)


def promote(
    accept_worse: Annotated[bool, typer.Option("--accept-worse", help="Take it although it is worse.")] = False,
) -> None:
    """Put the model that `trian train --hold` made in use."""
    chosen = settings()
    if _nlu(chosen, "nlu.shelf", "promote", *(["--accept-worse"] if accept_worse else [])).returncode:
        raise NotLearnt("nothing was changed: the serving model stays; the lines above say why")
    with database(chosen.database_url).read() as session:
        learnt = [example.id for example in examples.active(session)]
    _in_use(chosen, learnt)


def _in_use(chosen: Settings, learnt: list[int]) -> None:
    """Notes what the model now in use knows, and waits for Rasa to serve it."""
    model = str(shelf(chosen)["models"][0]["model"])
    with database(chosen.database_url).begin() as session:
        examples.mark_trained(session, learnt, model)
    typer.echo(follow(chosen, model))


def models() -> None:
    """List the model in use and those to go back to."""
    done = _nlu(settings(), "nlu.shelf", "list", capture=True)
    typer.echo("\n".join(done.stdout.splitlines()[:-1]))


def rollback(model: str = typer.Argument(default="", help="Default: the one trained before the one in use.")) -> None:
    """Put an earlier model in use again."""
    chosen = settings()
    if _nlu(chosen, "nlu.shelf", "rollback", *([model] if model else [])).returncode:
        raise NotLearnt("nothing was changed: the serving model stays")
    typer.echo(follow(chosen, str(shelf(chosen)["models"][0]["model"])))


def add_to(app: typer.Typer) -> None:
    """Mounts the commands."""
    for command in (train, promote, models, rollback):
        app.command()(command)


def shelf(chosen: Settings) -> dict[str, Any]:
    """{"models": the one in use first, "candidate": what waits to be promoted, or None}: see nlu.shelf."""
    listed = _nlu(chosen, "nlu.shelf", "list", capture=True).stdout.splitlines()
    return dict(json.loads(listed[-1]))


def health(chosen: Settings) -> dict[str, Any] | None:
    """What Rasa says of itself; None while it does not run. Of several, the first that answers."""
    return next(iter(_answers(chosen)), None)


def _answers(chosen: Settings) -> list[dict[str, Any]]:
    answers = []
    for url in chosen.rasa_urls:
        with contextlib.suppress(httpx.HTTPError, ValueError):
            answer = httpx.get(f"{url}{_HEALTH}", timeout=5)
            if answer.is_success:
                answers.append(dict(answer.json()))
    return answers


def follow(chosen: Settings, model: str, patience_s: float = FOLLOW_S) -> str:
    """Waits until every Rasa serves `model`; returns a sentence. Raises NotLearnt when one refuses it or is slow."""
    deadline = time.monotonic() + patience_s
    while answers := _answers(chosen):
        said = next((said for said in answers if said.get("model") != model), None)
        if said is None:
            return f"Rasa serves {model}"
        if str(said.get("refused_model") or "").startswith(model):
            raise NotLearnt(f"Rasa goes on with {said['model']}: {said['refused_model']}")
        if time.monotonic() > deadline:
            raise NotLearnt(f"Rasa still serves {said['model']} after {patience_s:.0f} s; look at its log")
        time.sleep(POLL_S)
    return f"Rasa does not run here; it will serve {model} when it starts"


def _nlu(chosen: Settings, *command: str, stdin: str = "", capture: bool = False) -> subprocess.CompletedProcess[str]:
    """Runs a module of Rasa's room, which holds no database password: what it needs to know comes on its input."""
    return subprocess.run(
        [str(NLU_PYTHON), "-m", *command, "--models", str(chosen.models_dir)],
        cwd=ROOT,
        input=stdin,
        stdout=subprocess.PIPE if capture else None,
        text=True,
        check=False,
    )
