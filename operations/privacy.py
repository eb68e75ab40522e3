"""`trian privacy`: a person's data handed over or erased from the command line."""

import shutil
from pathlib import Path
from typing import Annotated

import typer

from crm import customers, personal_data_erase, personal_data_export, personal_data_watch
from crm.db import database
from crm.settings import settings

app = typer.Typer(no_args_is_help=True, help="Personal data of one customer, by the number in the console's address.")


@app.command()
def export(customer: int, file: Annotated[Path, typer.Argument(help="A zip that does not exist yet.")]) -> None:
    """Write everything that is kept of the customer into one zip."""
    if file.exists():
        raise typer.BadParameter(f"{file} is there already", param_hint="FILE")
    with database(settings().database_url).begin() as session:
        made = personal_data_export.make(session, customer, None)
        shutil.copyfile(settings().var_dir / personal_data_export.FOLDER / made.name, file)
    file.chmod(0o600)
    typer.echo(f"{file}: {made.bytes / 1e6:.1f} MB; it holds everything about the person, so keep it away from others")


@app.command()
def erase(
    customer: int, yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether it is meant.")] = False
) -> None:
    """Erase the customer from every store. Orders stay without a name; nothing can be taken back."""
    store = database(settings().database_url)
    with store.read() as session:
        name = customers.get(session, customer).name
    if not yes:
        typer.confirm(f"Erase everything about customer {customer} ({name})?", abort=True)
    number = personal_data_watch.erase(store, store.begin, customer)
    typer.echo(f"erased; the mark is erasure {number}. The scheduler looks once more in a minute for what came late")


@app.command()
def finish() -> None:
    """Delete what earlier erasures could not reach: files, the assistant's memory, the journal."""
    store = database(settings().database_url)
    with store.read() as session:
        waiting = personal_data_erase.unfinished(session)
    done = sum(personal_data_erase.finish(store, number) for number in waiting)
    typer.echo(f"{done} of {len(waiting)} finished")
