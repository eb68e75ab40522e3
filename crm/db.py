"""Engines and transactions for SQLite and PostgreSQL."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from crm import webhook_events

BUSY_TIMEOUT_S = 10
webhook_events.watch()  # every process that writes tells what it wrote
T = TypeVar("T")


class Database:
    """One database and its two doors: `begin()` writes and commits, `read()` never takes the writer's lock."""

    def __init__(self, url: str) -> None:
        """Args: url: SQLAlchemy URL, `sqlite:///…` or `postgresql+psycopg://…`."""
        self.engine = _engine(url)
        self._reading = self.engine.execution_options(trian_read=True)

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """A session in one transaction: committed at the end, rolled back on any error."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    def write_late(self, work: Callable[[Session], T]) -> T:
        """Runs `work` in one transaction, in which SQLite's writer's lock is held from its first write on only.

        For work that looks long and writes little at the end. Where somebody else wrote while it looked, SQLite refuses
        the first write; `work` is then run once more from its beginning, with the lock. So it must be repeatable.
        """
        late = self._reading if self.engine.dialect.name == "sqlite" else self.engine
        try:
            with Session(late, expire_on_commit=False) as session, session.begin():
                return work(session)
        except OperationalError:
            if late is self.engine:
                raise
        with self.begin() as session:
            return work(session)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session for looking only; it is always rolled back."""
        with Session(self._reading, expire_on_commit=False, autoflush=False) as session:
            yield session

    def dispose(self) -> None:
        """Closes every pooled connection."""
        self.engine.dispose()


@lru_cache(maxsize=4)
def database(url: str) -> Database:
    """The process's one Database for `url`."""
    return Database(url)


# A process that stalls within a transaction, or a machine that loses its power, gives its locks up after this long:
# what stands in `options` is the server's side. The rest is ours: a server's machine that falls silent is given up
# after some 20 s, idle (keepalives) or while it owes an answer to what was sent (tcp_user_timeout). A Unix socket
# ignores it.
_POSTGRES = {
    "connect_timeout": 10,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
    "options": "-c idle_in_transaction_session_timeout=20000 -c tcp_keepalives_idle=10 "
    "-c tcp_keepalives_interval=3 -c tcp_keepalives_count=3",
}


def _engine(url: str) -> Engine:
    # hide_parameters: an error's text goes into logs, and the parameters are what customers wrote.
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        pool = {"pool_pre_ping": True, "pool_size": 10, "max_overflow": 10}
        return create_engine(url, connect_args=_POSTGRES, hide_parameters=True, **pool)
    if parsed.database and parsed.database != ":memory:":
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    busy = {"timeout": BUSY_TIMEOUT_S, "check_same_thread": False}
    engine = create_engine(url, connect_args=busy, hide_parameters=True)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver's own transaction handling begins late and lost updates between writers: we send BEGIN ourselves.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"busy_timeout={BUSY_TIMEOUT_S * 1000}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    reading = connection.get_execution_options().get("trian_read", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
