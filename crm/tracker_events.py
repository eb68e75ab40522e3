"""Rasa's memory of conversations (its table `events`): old events are deleted, by plain SQL.

From here and not from Rasa's room: what a complaint holds back is known to the CRM, whose password Rasa's room does
not have, and of several Rasa processes none would have to be the one that purges.

Rasa reads a conversation from its newest `session_started` on, and begins a new session after half a day of silence
with the slots of the old one. So what may go is what lies before the newest session, and conversations that are silent.
"""

from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Column,
    Float,
    Integer,
    MetaData,
    String,
    Subquery,
    Table,
    Text,
    case,
    delete,
    func,
    inspect,
    literal,
    select,
)
from sqlalchemy.engine import make_url

from crm.db import Database

CONVERSATIONS = 20
PREFIX = "account-"  # the bot names a conversation to Rasa by the number of its account
EVENTS = Table(  # as Rasa 3.6 makes it
    "events",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("sender_id", String(255), nullable=False, index=True),
    Column("type_name", String(255), nullable=False),
    Column("timestamp", Float),
    Column("intent_name", String(255)),
    Column("action_name", String(255)),
    Column("data", Text),
)


def open_store(url: str) -> Database | None:
    """The tracker's database; None while Rasa has not made its table there. The caller disposes of it."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and not (parsed.database and Path(parsed.database).exists()):
        return None
    store = Database(own_driver(url))
    if not inspect(store.engine).has_table("events"):
        store.dispose()
        return None
    return store


def own_driver(url: str) -> str:
    """The tracker's URL for this environment: Rasa's has psycopg2, ours has psycopg."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    return parsed.render_as_string(hide_password=False)


def senders(store: Database, before: datetime, after: str = "", limit: int = CONVERSATIONS) -> list[str]:
    """The next conversations, beyond the name `after`, that have events older than `before`."""
    old = select(EVENTS.c.sender_id).distinct().where(EVENTS.c.timestamp < before.timestamp())
    wanted = old.where(EVENTS.c.sender_id > after).order_by(EVENTS.c.sender_id).limit(limit)
    with store.read() as session:
        return list(session.scalars(wanted))


def forget(store: Database, names: Collection[str], before: datetime, held: Collection[int]) -> int:
    """Deletes what may go of these conversations, but for the accounts that are `held`; returns how many events."""
    free = set(names) - _held(held)
    removed = 0
    with store.begin() as session:
        ends = _ends(before)
        for name, end in session.execute(select(ends).where(ends.c.sender_id.in_(free))):
            gone: Any = session.execute(delete(EVENTS).where(EVENTS.c.sender_id == name, EVENTS.c.timestamp < end))
            removed += gone.rowcount
    return removed


def count(store: Database, before: datetime, held: Collection[int]) -> int:
    """How many events may go."""
    ends = _ends(before)
    over = select(func.count()).select_from(EVENTS).join(ends, ends.c.sender_id == EVENTS.c.sender_id)
    over = over.where(EVENTS.c.timestamp < ends.c.end, EVENTS.c.sender_id.not_in(_held(held)))
    with store.read() as session:
        return session.scalar(over) or 0


def _held(accounts: Collection[int]) -> set[str]:
    return {f"{PREFIX}{number}" for number in accounts}


def _ends(before: datetime) -> Subquery:
    """Rows (sender_id, end): what is older than `end` may go. No `end` where the only session is still young."""
    moment = literal(before.timestamp(), Float)
    began = func.max(case((EVENTS.c.type_name == "session_started", EVENTS.c.timestamp)))
    end = case((func.max(EVENTS.c.timestamp) < moment, moment), (began < moment, began), (began >= moment, moment))
    return select(EVENTS.c.sender_id, end.label("end")).group_by(EVENTS.c.sender_id).subquery()
