"""Rasa's SQL tracker store behind one SQLAlchemy URL, with SQLite set up for several readers and one writer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa
import sqlalchemy.orm
from rasa.core.brokers.broker import EventBroker
from rasa.core.tracker_store import SQLTrackerStore
from rasa.shared.core.domain import Domain

_BUSY_TIMEOUT_MS = 10_000


class TrianTrackerStore(SQLTrackerStore):
    """Takes `url` from endpoints.yml: `sqlite:///var/tracker.db` or `postgresql://user:password@host/database`.

    `postgresql+psycopg://`, the product's way of writing it, is understood too: Rasa's environment has psycopg2.
    """

    def __init__(
        self,
        domain: Domain | None = None,
        host: str | None = None,
        event_broker: EventBroker | None = None,
        **kwargs: Any,
    ) -> None:
        """Connect and make the tables. `host` carries endpoints.yml's `url`. Raises ValueError without one."""
        if not host or "://" not in host:
            raise ValueError("the tracker store needs a SQLAlchemy URL: set TRIAN_TRACKER_URL")
        url = _own_driver(host)
        _make_folder(url)
        super().__init__(domain=domain, host=url.render_as_string(hide_password=False), event_broker=event_broker)
        if url.get_backend_name() == "sqlite" and url.database:
            self._keep_connections(url)

    def _keep_connections(self, url: sa.engine.URL) -> None:
        """SQLAlchemy 1.4 opens SQLite anew for every transaction, which took half of a turn's time in the store."""
        self.engine.dispose()  # type: ignore[has-type]
        self.engine = sa.create_engine(url, poolclass=sa.pool.QueuePool, connect_args={"check_same_thread": False})
        sa.event.listen(self.engine, "connect", _prepare_sqlite)
        self.sessionmaker = sa.orm.sessionmaker(bind=self.engine)


def _own_driver(url: str) -> sa.engine.URL:
    parsed = sa.engine.make_url(url)
    return parsed.set(drivername="postgresql+psycopg2") if parsed.get_backend_name() == "postgresql" else parsed


def _make_folder(url: sa.engine.URL) -> None:
    if url.get_backend_name() == "sqlite" and url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={_BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.close()
