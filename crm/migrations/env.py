"""Alembic's entry: the engine comes from `crm.schema`, never from an ini file."""

from collections.abc import MutableMapping
from typing import Any

from alembic import context
from sqlalchemy import Connection

from crm.models import Base

# The search over messages and customers is the database's own: no model speaks of it.
_OF_SEARCH = {
    ("messages", "words"),
    ("messages", "ix_messages_words"),
    ("customers", "search_words"),
    ("customers", "ix_customers_search_words"),
}


def _is_modelled(name: str | None, kind: str, parents: MutableMapping[Any, str | None]) -> bool:
    if kind == "table":
        return name is None or "_fts" not in name
    return (parents.get("table_name"), name) not in _OF_SEARCH


def run(connection: Connection) -> None:
    """Runs the migrations on a connection that the caller owns."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
        include_name=_is_modelled,
    )
    with context.begin_transaction():
        context.run_migrations()


run(context.config.attributes["connection"])
