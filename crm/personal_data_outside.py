"""What an erasure has to delete outside of the rows: files, Rasa's memory, and bytes that are left behind."""

from sqlalchemy import delete, text
from sqlalchemy.orm import Session

from crm import personal_data_files
from crm import tracker_events as tracker
from crm.db import Database
from crm.models.privacy import Erasure
from crm.settings import settings

MERGED_PAGES = 5000


def overwrite(session: Session) -> None:
    """SQLite only marks deleted bytes as free unless it is told to write over them."""
    if session.get_bind().dialect.name == "sqlite":
        session.execute(text("PRAGMA secure_delete=ON"))


def forget_files(erasure: Erasure) -> None:
    """The files that the tombstone names."""
    for name in erasure.files:
        path = personal_data_files.path(settings(), str(name))
        if path is not None:
            path.unlink(missing_ok=True)


def forget_tracker(erasure: Erasure) -> None:
    """What the assistant remembers of the tombstone's chats."""
    store = tracker.open_store(settings().tracker_url)
    if store is None:
        return
    try:
        with store.begin() as session:
            overwrite(session)
            names = [f"{tracker.PREFIX}{number}" for number in erasure.accounts]
            session.execute(delete(tracker.EVENTS).where(tracker.EVENTS.c.sender_id.in_(names)))
        compact(store)
    finally:
        store.dispose()


def forget_words(store: Database) -> None:
    """SQLite's search index keeps the words of a deleted row until its parts are merged; as many pages as is quick."""
    if store.engine.dialect.name != "sqlite":
        return
    with store.begin() as session:
        overwrite(session)
        for index in ("customers_fts", "messages_fts"):  # migration 09
            session.execute(text(f"INSERT INTO {index} ({index}, rank) VALUES ('merge', {-MERGED_PAGES})"))


def compact(store: Database) -> None:
    """On SQLite the log that is written ahead still holds what was deleted, until it is folded in."""
    if store.engine.dialect.name != "sqlite":
        return
    connection = store.engine.raw_connection()
    try:
        connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()
