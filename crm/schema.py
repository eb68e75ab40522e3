"""The database's shape: bring it up to date, or say how it differs from the models."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

_MIGRATIONS = Path(__file__).parent / "migrations"


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def upgrade(engine: Engine) -> None:
    """Brings the database to the newest revision. Harmless when it is there already."""
    with engine.begin() as connection:
        command.upgrade(_config(connection), "head")


def upgrade_within(connection: Connection, to: str = "head") -> None:
    """Brings the database to revision `to` inside the caller's transaction. Raises alembic's CommandError."""
    command.upgrade(_config(connection), to)


def revision_of(connection: Connection) -> str | None:
    """The revision the database is at; None for one that was never migrated."""
    return MigrationContext.configure(connection).get_current_revision()


def knows(wanted: str) -> bool:
    """Whether this release has the revision `wanted`: a newer release's it does not."""
    script = ScriptDirectory(str(_MIGRATIONS))
    return any(each.revision == wanted for each in script.walk_revisions())


def check(engine: Engine) -> None:
    """Raises alembic's CommandError when the models say something the migrations do not."""
    with engine.begin() as connection:
        command.check(_config(connection))


def revision(engine: Engine, message: str) -> None:
    """Writes a new migration from the difference between models and database."""
    with engine.begin() as connection:
        command.revision(_config(connection), message=message, autogenerate=True)


def is_current(engine: Engine) -> bool:
    """Whether the database is at the newest revision."""
    with engine.connect() as connection:
        at = MigrationContext.configure(connection).get_current_revision()
        return at == ScriptDirectory.from_config(_config(connection)).get_current_head()
