"""Rasa's SQL tracker store behind one SQLAlchemy URL, where a turn is written after what it has read, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import sqlalchemy.orm
from rasa.core.brokers.broker import EventBroker
from rasa.core.lock_store import LockError
from rasa.core.tracker_store import SQLTrackerStore, create_engine_kwargs
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import Event
from rasa.shared.core.trackers import DialogueStateTracker

_BUSY_TIMEOUT_MS = 10_000
_CONNECT_TIMEOUT_S = 5
_NEWEST = "newest_stored_event"  # on a tracker: the id of the last event of its conversation that it knows


class ConversationMoved(LockError):
    """Somebody else has written to the conversation since it was read: the lock was lost, and the turn comes too late.

    Nothing was stored. Asked again, the turn begins from what is there now, or is answered from it.
    """


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
        if url.get_backend_name() == "postgresql":
            self._connect_anew(_postgresql(url))
        elif url.database:
            # SQLAlchemy 1.4 opens SQLite anew for every transaction, which took half of a turn's time in the store.
            kept = {"poolclass": sa.pool.QueuePool, "connect_args": {"check_same_thread": False}}
            self._connect_anew(sa.create_engine(url, **kept))
            sa.event.listen(self.engine, "connect", _prepare_sqlite)

    def _connect_anew(self, engine: sa.engine.Engine) -> None:
        self.engine.dispose()  # type: ignore[has-type]
        self.engine = engine
        self.sessionmaker = sa.orm.sessionmaker(bind=engine)

    async def _retrieve(self, sender_id: str, fetch_events_from_all_sessions: bool) -> DialogueStateTracker | None:
        with self.session_scope() as session:
            newest = self._newest(session, sender_id)  # before the events: what comes in between is then noticed
        tracker = await super()._retrieve(sender_id, fetch_events_from_all_sessions)
        if tracker is not None:
            setattr(tracker, _NEWEST, newest)
        return tracker

    def _additional_events(self, session: sa.orm.Session, tracker: DialogueStateTracker) -> Iterator[Event]:
        """What `save` is about to add, in one transaction with the check. Raises ConversationMoved.

        Rasa counts what is stored and adds what lies behind in its own list: after a turn of somebody else it would
        store the second half of this one.
        """
        _one_writer(session, tracker.sender_id)
        if self._newest(session, tracker.sender_id) != getattr(tracker, _NEWEST, 0):
            raise ConversationMoved(f"conversation {tracker.sender_id} went on elsewhere")
        sa.event.listen(session, "before_commit", lambda _: self._note(session, tracker))
        added: Iterator[Event] = super()._additional_events(session, tracker)
        return added

    def _note(self, session: sa.orm.Session, tracker: DialogueStateTracker) -> None:
        session.flush()
        setattr(tracker, _NEWEST, self._newest(session, tracker.sender_id))

    def _newest(self, session: sa.orm.Session, sender_id: str) -> int:
        """The id of the conversation's last event, 0 if there is none."""
        newest = sa.select(sa.func.max(self.SQLEvent.id)).where(self.SQLEvent.sender_id == sender_id)
        return session.execute(newest).scalar() or 0


def _postgresql(url: sa.engine.URL) -> sa.engine.Engine:
    """As Rasa makes it, but a connection that a restart of the server broke is noticed before a turn needs it."""
    options = create_engine_kwargs(url)
    own = {"connect_timeout": _CONNECT_TIMEOUT_S, "application_name": "trian-rasa"}
    return sa.create_engine(
        url, **{**options, "connect_args": {**options.get("connect_args", {}), **own}, "pool_pre_ping": True}
    )


def _one_writer(session: sa.orm.Session, sender_id: str) -> None:
    """Until the transaction ends, nobody else writes to this conversation."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext(:sender_id))"), {"sender_id": sender_id})
    else:
        session.execute(sa.text("BEGIN IMMEDIATE"))


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
