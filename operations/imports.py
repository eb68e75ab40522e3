"""`trian import` and `trian export`: customers and purchases from files, and out into files."""

import csv
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy.orm import Session

from crm import audit, cells, import_shapes, import_words, imports, key_pages
from crm.db import Database, database
from crm.errors import InvalidInput
from crm.import_rehearsal import Rehearsal
from crm.import_tables import Unreadable
from crm.imports import Checked
from crm.models.catalogue import Purchase
from crm.models.integration import ImportKind
from crm.models.people import Customer
from crm.records import Outcome
from crm.settings import settings

bring = typer.Typer(no_args_is_help=True, help="Bring in customers or purchases from a CSV or XLSX file.")
take = typer.Typer(no_args_is_help=True, help="Write customers or purchases into a CSV file.")
File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV (any delimiter, UTF-8 or older) or XLSX.")]
Target = Annotated[Path, typer.Argument(dir_okay=False, help="A new file; one that is there is not overwritten.")]
Dry = Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")]
CHUNK = 1000


def add_to(app: typer.Typer) -> None:
    """Enters both commands."""
    app.add_typer(bring, name="import")
    app.add_typer(take, name="export")


@bring.command("customers")
def import_customers(file: File, dry_run: Dry = False) -> None:
    """Customers: by their code or phone new ones are made, others brought up to date."""
    _bring(ImportKind.CUSTOMERS, file, dry=dry_run)


@bring.command("purchases")
def import_purchases(file: File, dry_run: Dry = False) -> None:
    """Purchases: one line for each product, the lines of an order together."""
    _bring(ImportKind.PURCHASES, file, dry=dry_run)


@take.command("customers")
def export_customers(file: Target) -> None:
    """Every customer, with the headings by which `trian import` knows the columns."""
    head = ["customer code", "name", "phone", "email", "form of address", "tier", "kind", "occupation"]
    _take(file, "customers", head, _customers)


@take.command("purchases")
def export_purchases(file: Target) -> None:
    """Every purchase, one line for each product."""
    head = [
        "order id",
        "order code",
        "customer code",
        "phone",
        "date",
        "status",
        "sku",
        "quantity",
        "unit price",
        "serial",
    ]
    _take(file, "purchases", head, _purchases)


def _bring(kind: ImportKind, file: Path, *, dry: bool) -> None:
    here, counts = database(settings().database_url), Counter[str]()
    rehearsal = Rehearsal() if dry else None
    try:
        _, entries = imports.read(file, kind)
        for batch in import_shapes.batches(entries, imports.BATCH):
            with here.begin() as session:
                checked = imports.apply(session, batch, rehearsal)
                if not dry:
                    audit.record(session, None, "import_file", "import", 0, kind=kind.value, rows=len(batch))
            counts.update(each.result.outcome.value for each in checked)
            for line in _refusals(checked):
                typer.echo(line, err=True)
    except Unreadable as error:
        raise InvalidInput(file.name, import_words.why_file(error.reason)) from error
    told = ", ".join(f"{counts[outcome.value]} {outcome.value}" for outcome in Outcome)
    typer.echo(f"{told}; nothing was written" if dry else told)
    if counts[Outcome.REFUSED.value]:
        raise typer.Exit(1)


def _refusals(checked: Sequence[Checked]) -> Iterator[str]:
    for each in checked:
        for number, problem in each.problems:
            value = f" {problem.value!r}" if problem.value else ""
            yield f"dòng {number}, {import_words.column(problem.field)}{value}: {import_words.why(problem)}"


def _take(file: Path, name: str, head: list[str], pages: Callable[[Database], Iterator[list[list[Any]]]]) -> None:
    here, count = database(settings().database_url), 0
    if file.exists():
        raise InvalidInput(file.name, "it is there already; choose another name")
    with file.open("x", encoding="utf-8-sig", newline="") as target:
        file.chmod(0o600)
        lines = csv.writer(target)
        lines.writerow(head)
        for page in pages(here):
            lines.writerows([cells.safe(str(cell if cell is not None else "")) for cell in line] for line in page)
            count += len(page)
    with here.begin() as session:
        audit.record(session, None, "export_file", "export", 0, kind=name, rows=count)
    typer.echo(f"{count} lines are written to {file}")


def _customers(here: Database) -> Iterator[list[list[Any]]]:
    for found in _paged(here, key_pages.customers):
        yield [_customer(each) for each in found]


def _customer(each: Customer) -> list[Any]:
    values = (each.external_id, each.name, each.phone, each.email, each.address.value, each.tier.value)
    return [*values, each.kind.value, each.occupation]


def _purchases(here: Database) -> Iterator[list[list[Any]]]:
    for found in _paged(here, key_pages.purchases_with_customers):
        yield [line for each in found for line in _lines(*each)]


def _lines(purchase: Purchase, code: str | None, phone: str | None) -> Iterator[list[Any]]:
    at = purchase.purchased_at.isoformat()
    head = [purchase.external_id, purchase.order_code, code, phone, at, purchase.status.value]
    for item in purchase.items:
        yield [*head, item.product.sku, item.quantity, item.unit_price, item.serial]


def _paged(here: Database, page: Callable[[Session, int, int], list[Any]]) -> Iterator[list[Any]]:
    after = 0
    while True:
        with here.read() as session:
            found = page(session, after, CHUNK)
        if not found:
            return
        yield found
        last = found[-1]
        after = (last[0] if isinstance(last, tuple) else last).id
