"""`trian backup`, `trian restore`, `trian purge`, `trian metrics-token`: keeping house."""

from pathlib import Path
from typing import Annotated

import typer

from crm import clock, erasure_journal
from crm import purge as purging
from crm.db import database
from crm.settings import settings
from operations import backup as backups
from operations import restore as restores

_ALLOWED = ("restore", "doctor")  # while a restore is unfinished


def backup(file: Annotated[Path, typer.Argument(help="A file that does not exist yet.")]) -> None:
    """Write everything that cannot be made again into one file; the product may go on meanwhile."""
    made = backups.make(settings(), file)
    model = made.model or "no model"
    typer.echo(f"{file}: {made.bytes / 1e6:.1f} MB, with {made.photos} photos and {model}")
    typer.echo(f"keep it away from this machine, and with it .env, {settings().journal} and {erasure_journal.place()}")


def restore(
    file: Annotated[Path, typer.Argument(help="A file that `trian backup` wrote.")],
    force: Annotated[bool, typer.Option("--force", help="Replace a database that is not empty.")] = False,
    journal: Annotated[
        list[Path] | None, typer.Option("--journal", help="A further journal of withdrawals, of another machine.")
    ] = None,
    erasures: Annotated[
        list[Path] | None, typer.Option("--erasures", help="A further journal of erasures, of another machine.")
    ] = None,
) -> None:
    """Put a backup back while the product is stopped; what was on its way then is not sent again."""
    done = restores.put_back(settings(), file, force=force, others=restores.Journals(journal or (), erasures or ()))
    ended, stops = done.settled, done.stops
    typer.echo(f"restored as of {clock.vietnamese_moment(done.made_at, settings().zone)}")
    typer.echo(
        f"not sent again, for a person to decide: {ended.messages} messages, {ended.broadcasts} broadcasts with "
        f"{ended.recipients} people left, {ended.greetings} greetings of today, {ended.surveys} surveys; "
        f"{ended.updates} updates were not answered again"
    )
    typer.echo(f"people erased again, as the journal of erasures says: {done.erasures.erased}")
    for number in done.erasures.doubtful:
        typer.echo(
            f"!! customer {number} is merged with somebody who was parted from them later, and erased: "
            "take the merge back in the console, and erase the other record"
        )
    typer.echo(f"withdrawals brought back from the journal: {stops.applied} ({stops.known} were there already)")
    if stops.strangers:
        typer.echo(
            f"{stops.strangers} withdrawals are of people who are not in the backup: they agreed to nothing in it"
        )
    for path, lines in (*stops.unreadable.items(), *done.erasures.unreadable.items()):
        typer.echo(f"!! {lines} lines of the journal {path} cannot be read: look at them there")
    typer.echo("everybody has to log in again; look through the broadcasts before anything is sent today")


def purge(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what would be forgotten.")] = False,
) -> None:
    """Forget now what the scheduler forgets every night: what is older than the settings say."""
    store = database(settings().database_url)
    if dry_run:
        with store.read() as session:
            counts = purging.count(session, clock.now())
    else:
        counts = purging.run(purging.Doors(store.read, store.begin, lambda: False), clock.now())
    for kind, number in counts.items():
        typer.echo(f"{number:>10}  {kind}")


def metrics_token() -> None:
    """Print what Prometheus sends as its bearer token when it does not run on this machine."""
    typer.echo(settings().derived_secret("metrics"))


def _before(context: typer.Context) -> None:
    """Nothing is started on databases and files that may not fit together."""
    if context.invoked_subcommand not in _ALLOWED:
        restores.refuse_unfinished(settings())


def add_to(app: typer.Typer) -> None:
    """Mounts the commands, and the check in front of all of them."""
    app.callback()(_before)
    for command in (backup, restore, purge, metrics_token):
        app.command()(command)
