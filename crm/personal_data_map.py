"""Where a person's data stands: every table from which foreign keys lead to a customer, found from the models.

Nothing lists the tables by hand, so that a table made tomorrow is exported, merged and erased as well.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Column, Table, select
from sqlalchemy.orm import Session

from crm import customers
from crm.models import Base

CHUNK = 500
CUSTOMERS = "customers"


@dataclass(frozen=True)
class Link:
    """A column that refers to a row of `parent`, in which the person's data stands."""

    column: Column[Any]
    parent: str


@dataclass(frozen=True)
class Place:
    """A table with the columns that lead to the person. `referred`: whether other places refer to its rows."""

    table: Table
    links: tuple[Link, ...]
    referred: bool


Found = dict[str, set[int]]


@lru_cache(maxsize=1)
def places() -> tuple[Place, ...]:
    """Every place but the customers themselves, those that others refer to first."""
    tables = Base.metadata.sorted_tables
    reached = {CUSTOMERS}
    while more := {t.name for t in tables if t.name not in reached and any(_links(t, reached))}:
        reached |= more
    links = {t.name: tuple(_links(t, reached)) for t in tables if t.name in reached and t.name != CUSTOMERS}
    parents = {link.parent for each in links.values() for link in each}
    return tuple(Place(t, links[t.name], t.name in parents) for t in tables if t.name in links)


def numbers(session: Session, customer_id: int) -> Found:
    """The numbers of the person's rows, for every table that other tables refer to; of records merged into it too."""
    found: Found = {CUSTOMERS: {customer_id, *(each.id for each in customers.shells_of(session, customer_id))}}
    for place in places():
        if place.referred:
            found[place.table.name] = {row.id for row in rows(session, place, found)}
    return found


def rows(session: Session, place: Place, found: Found) -> list[Any]:
    """The person's rows of one place, by every way that leads to them."""
    seen: dict[tuple[Any, ...], Any] = {}
    key = list(place.table.primary_key.columns)
    for link in place.links:
        for some in chunks(found[link.parent]):
            for row in session.execute(select(place.table).where(link.column.in_(some))):
                seen[tuple(row._mapping[column] for column in key)] = row
    return list(seen.values())


def chunks(ids: Iterable[Any]) -> Iterator[Sequence[Any]]:
    """`ids` in order, as many at a time as a statement takes."""
    ordered = sorted(ids)
    return (ordered[start : start + CHUNK] for start in range(0, len(ordered), CHUNK))


def direct_links() -> list[tuple[Table, Column[Any]]]:
    """Every column that refers to a customer."""
    return [(place.table, link.column) for place in places() for link in place.links if link.parent == CUSTOMERS]


def _links(table: Table, reached: set[str]) -> Iterator[Link]:
    for key in table.foreign_keys:
        parent = key.column.table.name
        if parent in reached and parent != table.name:
            yield Link(key.parent, parent)
