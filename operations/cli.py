"""`trian`: the command line for operators."""

import os
import sys
from datetime import date
from typing import Annotated

import typer
from pydantic import ValidationError

from crm import (
    demo,
    first_admin,
    greetings_report,
    schema,
    second_factor,
    staff,
    staff_admin,
    staff_sessions,
)
from crm.db import database
from crm.errors import TrianError
from crm.models.staff import Role
from crm.settings import settings
from operations import doctor as checks
from operations import housekeeping, imports, knowledge, learning, review
from operations import privacy as personal_data
from operations import run as running
from operations.processes import ROOT, all_processes

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Tri Ân for operators.", pretty_exceptions_enable=False
)
staff_app = typer.Typer(no_args_is_help=True, help="The people who work in the console.")
_Url = Annotated[str | None, typer.Option(help="Where people reach the console, such as https://care.example.vn.")]
app.add_typer(staff_app, name="staff")
app.add_typer(knowledge.app, name="knowledge")
app.add_typer(review.app, name="nlu")
app.add_typer(personal_data.app, name="privacy")
learning.add_to(app)
housekeeping.add_to(app)
imports.add_to(app)


@app.command()
def run() -> None:
    """Set up what is missing, start everything, stay until Ctrl-C."""
    raise typer.Exit(running.run())


@app.command()
def migrate(check: Annotated[bool, typer.Option(help="Only compare the models with the migrations.")] = False) -> None:
    """Bring the database to the newest shape."""
    engine = database(settings().database_url).engine
    schema.upgrade(engine)
    if check:
        schema.check(engine)


@app.command(name="demo")
def load_demo() -> None:
    """Load the demo shop into an empty database."""
    with database(settings().database_url).begin() as session:
        loaded = demo.load(session)
    typer.echo("demo shop loaded" if loaded else "the database is not empty; nothing was loaded")


@app.command()
def greet(
    day: Annotated[str, typer.Option("--date", help="YYYY-MM-DD, the shop's local day.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only print; greetings are sent by the scheduler.")
    ] = False,
) -> None:
    """Print who would be greeted on a day, with what, and who not and why."""
    if not dry_run:
        raise typer.BadParameter(
            "greetings are sent by the scheduler; add --dry-run to see them", param_hint="--dry-run"
        )
    try:
        local_day = date.fromisoformat(day)
    except ValueError as error:
        raise typer.BadParameter(f"{day} is no day; write it as 2027-02-06", param_hint="--date") from error
    with database(settings().database_url).read() as session:
        for line in greetings_report.lines(session, local_day):
            typer.echo(line)


@app.command()
def doctor() -> None:
    """Check the installation and say what to do about each thing that is not right."""
    raise typer.Exit(checks.report())


@staff_app.command("add")
def staff_add(
    username: str,
    name: Annotated[str, typer.Option(prompt=True)],
    role: Annotated[Role, typer.Option(prompt=True)],
    password: Annotated[str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True)],
) -> None:
    """Add a person who may log in to the console."""
    with database(settings().database_url).begin() as session:
        staff.add(session, username, name, role, password)
    typer.echo(f"{username} can log in as {role.value}")


@staff_app.command("first")
def staff_first(url: _Url = None) -> None:
    """Print a link with which the owner of a new shop makes their own log-in: for one hour, once."""
    with database(settings().database_url).begin() as session:
        token = first_admin.invite(session)
    typer.echo(f"{_console(url)}/first?token={token}")


@staff_app.command("reset")
def staff_reset(
    username: str,
    second_step: Annotated[bool, typer.Option("--second-step", help="Also forget their phone.")] = False,
    url: _Url = None,
) -> None:
    """Print a link with which somebody who is locked out chooses a new password: for a day, once."""
    with database(settings().database_url).begin() as session:
        person = staff.find(session, username)
        token = staff_admin.password_link(session, None, person.id)
        if second_step:
            second_factor.forget(session, person, None)
            staff_sessions.end_all(session, person.id)
    typer.echo(f"{_console(url)}/password?token={token}")


@staff_app.command("list")
def staff_list() -> None:
    """Print who works in the console: log-in name, role, second step, and whether they may log in."""
    with database(settings().database_url).read() as session:
        for each in staff_admin.listing(session):
            step = "second step" if second_factor.enrolled(each) else "password only"
            state = "active" if each.active else "shut out"
            typer.echo(f"{each.username:<20} {each.role.value:<10} {step:<14} {state}")


def _console(url: str | None) -> str:
    return (url or f"http://127.0.0.1:{settings().console_port}").rstrip("/")


def _start(name: str) -> None:
    """Becomes the process `name`, with the environment it would have under the supervisor."""
    chosen = settings()
    process = next((p for p in all_processes(chosen) if p.name == name), None)
    if process is None:
        raise typer.BadParameter(f"{name} is not used with a real Telegram token")
    os.environ.setdefault("TRIAN_SHARED_SECRET", chosen.secret)
    os.environ.setdefault("TRIAN_ACTIONS_URL", chosen.actions_url)
    os.environ.setdefault("TRIAN_TRACKER_URL", chosen.tracker_url)
    os.environ.setdefault("TRIAN_LOCK_URL", chosen.lock_url)
    os.chdir(ROOT)
    os.execv(process.command[0], process.command)


def _add_process_command(name: str) -> None:
    app.command(name, help=f"Start the process {name} alone.")(lambda: _start(name))


for _name in ("rasa", "actions", "bot", "scheduler", "console", "simulator"):
    _add_process_command(_name)


def main() -> None:
    """The entry point: a refusal is a sentence on stderr and exit code 1, never a traceback."""
    try:
        app()
    except TrianError as problem:
        sys.exit(f"trian: {problem}")
    except ValidationError as problem:
        wrong = [f"TRIAN_{'_'.join(map(str, one['loc'])).upper()}: {one['msg']}" for one in problem.errors()]
        sys.exit("trian: a setting cannot be used; see .env.example\n  " + "\n  ".join(wrong))
