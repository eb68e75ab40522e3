"""Copies of PostgreSQL tables by COPY, in one snapshot and in one transaction.

Not by pg_dump: it must be there, and be as new as the server; COPY comes with the driver we have, and the tables' shape
comes from our own migrations.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, inspect, text

SUFFIX = ".copy"
_CHUNK = 1 << 20


def take(connection: Connection, tables: Iterable[str], folder: Path) -> dict[str, Any]:
    """Writes each table to a file of `folder`; the caller's transaction is the snapshot.

    Returns:
        By table: its "columns" in order, but for those that the database computes itself, and its "sequence" as [last
        value, whether it was given], or None.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return {name: _take(connection, name, folder / f"{name}{SUFFIX}") for name in tables}


def put(connection: Connection, facts: dict[str, Any], folder: Path) -> None:
    """Fills tables that are there and empty, in the order of `facts`, within the caller's transaction."""
    for name, about in facts.items():
        cursor = connection.connection.cursor()
        with (
            (folder / f"{name}{SUFFIX}").open("rb") as file,
            _copying(cursor, name, about["columns"], "FROM STDIN") as to,
        ):
            for chunk in iter(lambda: file.read(_CHUNK), b""):
                to.write(chunk)
        sequence = _sequence(connection, name, about["columns"])
        if sequence is not None and about["sequence"] is not None:
            value, given = about["sequence"]
            facts_of_sequence = {"name": sequence, "value": value, "given": given}
            connection.execute(text("SELECT setval(CAST(:name AS regclass), :value, :given)"), facts_of_sequence)


def _take(connection: Connection, name: str, path: Path) -> dict[str, Any]:
    columns = [str(each["name"]) for each in inspect(connection).get_columns(name) if "computed" not in each]
    cursor = connection.connection.cursor()
    with path.open("wb") as file, _copying(cursor, name, columns, "TO STDOUT") as rows:
        for chunk in rows:
            file.write(chunk)
    sequence = _sequence(connection, name, columns)
    if sequence is None:
        return {"columns": columns, "sequence": None}
    value, given = connection.execute(text(f"SELECT last_value, is_called FROM {sequence}")).one()
    return {"columns": columns, "sequence": [value, given]}


def _copying(cursor: Any, name: str, columns: list[str], direction: str) -> Any:
    listed = ", ".join(_quoted(column) for column in columns)
    return cursor.copy(f"COPY {_quoted(name)} ({listed}) {direction}")


def _sequence(connection: Connection, name: str, columns: list[str]) -> str | None:
    """The sequence that numbers the rows, as PostgreSQL writes its name: safe to be put into a statement."""
    if "id" not in columns:
        return None
    own = "SELECT coalesce(pg_get_serial_sequence(:quoted, 'id'), CAST(to_regclass(:usual) AS text))"
    found = connection.execute(text(own), {"quoted": _quoted(name), "usual": f"{name}_id_seq"}).scalar()
    return str(found) if found else None


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
