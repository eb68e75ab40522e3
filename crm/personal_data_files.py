"""The files of one person below var/: what they sent, what staff sent them, exports of their data."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, String
from sqlalchemy.orm import Session

from crm.personal_data_map import Found, Place, places, rows
from crm.personal_data_rules import BROADCAST
from crm.settings import Settings, settings

FOLDERS = ("attachments", "exports")
LONGEST = 300


def of(session: Session, found: Found) -> list[str]:
    """Paths below var/ of every file that the person's rows name and that is there."""
    named: set[str] = set()
    for place in places():
        if any(isinstance(column.type, JSON | String) for column in place.table.columns):
            for row in rows(session, place, found):
                named |= set(_of_row(place, row))
    return sorted(named)


def path(chosen: Settings, name: str) -> Path | None:
    """The file `name` (below var/), if it lies in one of our folders and is there."""
    wanted = (chosen.var_dir / name).resolve()
    # Each by itself: with several machines the folders may be links to a shared disk.
    inside = any(wanted.is_relative_to((chosen.var_dir / folder).resolve()) for folder in FOLDERS)
    return wanted if inside and wanted.is_file() else None


def _of_row(place: Place, row: Any) -> Iterator[str]:
    if row._mapping.get(BROADCAST) is not None:
        return  # a broadcast's picture is not one person's
    for word in _words(row._mapping.values()):
        for name in (word, *(f"{folder}/{word}" for folder in FOLDERS)):
            if path(settings(), name) is not None:
                yield name


def _words(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        if isinstance(value, dict):
            yield from _words(value.values())
        elif isinstance(value, list | tuple):
            yield from _words(value)
        elif isinstance(value, str) and 0 < len(value) <= LONGEST and "\n" not in value and "\0" not in value:
            yield value
