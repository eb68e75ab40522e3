"""Alembic's entry: the engine comes from `crm.schema`, never from an ini file."""

from alembic import context
from sqlalchemy import Connection

from crm.models import Base


def run(connection: Connection) -> None:
    """Runs the migrations on a connection that the caller owns."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


run(context.config.attributes["connection"])
