"""A shop of size for the console's bench, written into PostgreSQL by the statements of console_world.sql."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, text

STATEMENTS = Path(__file__).with_suffix(".sql")


@dataclass(frozen=True)
class Size:
    """How much of what: the figures of the issue by default. One complaint in `closed_in` is still open."""

    customers: int = 200_000
    messages: int = 2_000_000
    complaints: int = 50_000
    closed_in: int = 25
    calls: int = 60_000
    open_calls: int = 400
    staff: int = 20


def fill(engine: Engine, size: Size, bot_id: int) -> None:
    """Writes a shop of `size` into an empty migrated database whose `staff` rows are there already."""
    values = {
        "customers": size.customers,
        "bot": bot_id,
        "each": size.messages // size.customers,
        "complaints": size.complaints,
        "closed_in": size.closed_in,
        "open": size.open_calls,
        "calls": size.calls,
        "staff": size.staff,
    }
    with engine.begin() as connection:
        for statement in STATEMENTS.read_text(encoding="utf-8").split(";\n"):
            if statement.strip():
                wanted = text(statement)
                connection.execute(wanted, {name: values[name] for name in wanted.compile().params})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
