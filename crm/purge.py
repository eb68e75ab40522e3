"""The nightly purge: short steps, each a transaction of its own, so that nothing waits for it and a kill costs nothing.

Rows decide what is due, and what is left over is found again the next time.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy.orm import Session

from crm import audit, clock, consents, dispatch, housekeeping, retention, retention_photos, tracker_events
from crm.db import Database
from crm.retention import Forgotten
from crm.settings import Settings, settings

log = structlog.get_logger()
PHOTOS, TRACKER, JOURNAL, UNSERVED = "photos", "tracker_events", "journal_completed", "of_another_bot"
Door = Callable[[], AbstractContextManager[Session]]


@dataclass(frozen=True)
class Doors:
    """The ways into the database, and `pause`, which waits between two steps and says whether to stop."""

    read: Door
    write: Door
    pause: Callable[[], bool]


def is_due(session: Session, moment: datetime) -> bool:
    """Whether tonight's purge is not finished yet; only reads. A scheduler that was down at night does it later."""
    here = clock.local(moment, settings().zone)
    if here.hour < settings().retention_hour:
        return False
    return not housekeeping.finished(session, housekeeping.PURGE, moment)


def run(doors: Doors, moment: datetime) -> dict[str, int]:
    """Forgets whatever may go; returns how many of each kind. Ends early, and unfinished, when `pause` says stop."""
    chosen, counts = settings(), dict[str, int]()
    for kind, removed in _steps(doors, chosen, moment):
        counts[kind] = counts.get(kind, 0) + removed
        if doors.pause():
            return counts
    with doors.write() as session:
        work = housekeeping.begin(session, housekeeping.PURGE, moment)
        work.finished_at = clock.now()
        audit.record(session, None, housekeeping.PURGE, "housekeeping", work.id, **work.counts)
    return counts


def count(session: Session, moment: datetime) -> dict[str, int]:
    """What `run` would forget now; forgets nothing."""
    chosen = settings()
    counts = {kind.value: retention.count(session, kind, chosen, moment) for kind in Forgotten}
    counts[PHOTOS] = retention_photos.old_photos(session, chosen, moment)
    store = tracker_events.open_store(chosen.tracker_url)
    if store is not None:
        counts[TRACKER] = tracker_events.count(store, _tracker_age(chosen, moment), _held(session))
        store.dispose()
    return counts


def _steps(doors: Doors, chosen: Settings, moment: datetime) -> Iterator[tuple[str, int]]:
    yield JOURNAL, _complete_journal(doors, moment)
    yield UNSERVED, _end_unserved(doors, moment)
    for kind in Forgotten:
        yield from _rows(doors, chosen, moment, kind)
    yield from _photos(doors, chosen, moment)
    store = tracker_events.open_store(chosen.tracker_url)
    if store is not None:
        try:
            yield from _tracker(doors, store, chosen, moment)
        finally:
            store.dispose()


def _complete_journal(doors: Doors, moment: datetime) -> int:
    try:
        completed: int = _ask(doors, consents.complete_journal)
    except OSError as error:
        log.error("the journal of withdrawals cannot be written", error=str(error.strerror))
        return 0
    with doors.write() as session:
        return _note(session, moment, JOURNAL, completed)


def _end_unserved(doors: Doors, moment: datetime) -> int:
    with doors.write() as session:
        return _note(session, moment, UNSERVED, dispatch.end_unserved(session, settings().bot_id, moment))


def _rows(doors: Doors, chosen: Settings, moment: datetime, kind: Forgotten) -> Iterator[tuple[str, int]]:
    after: Any = None
    while keys := _ask(doors, lambda session: retention.find(session, kind, chosen, moment, after)):  # noqa: B023
        with doors.write() as session:
            removed = _note(session, moment, kind.value, retention.forget(session, kind, chosen, moment, keys))
        yield kind.value, removed
        after = keys[-1]


def _photos(doors: Doors, chosen: Settings, moment: datetime) -> Iterator[tuple[str, int]]:
    after = 0
    while ids := _ask(doors, lambda session: retention_photos.find(session, chosen, moment, after)):  # noqa: B023
        with doors.write() as session:
            removed = _note(session, moment, PHOTOS, retention_photos.forget(session, chosen, moment, ids))
        yield PHOTOS, removed
        after = ids[-1]
    strays = _ask(doors, lambda session: retention_photos.strays(session, chosen, moment))
    for path in strays:
        path.unlink(missing_ok=True)
    if strays:
        with doors.write() as session:
            removed = _note(session, moment, PHOTOS, len(strays))
        yield PHOTOS, removed


def _tracker(doors: Doors, store: Database, chosen: Settings, moment: datetime) -> Iterator[tuple[str, int]]:
    before, after = _tracker_age(chosen, moment), ""
    while names := tracker_events.senders(store, before, after):
        removed = tracker_events.forget(store, names, before, _ask(doors, _held))
        with doors.write() as session:
            _note(session, moment, TRACKER, removed)
        yield TRACKER, removed
        after = names[-1]


def _ask(doors: Doors, question: Callable[[Session], Any]) -> Any:
    with doors.read() as session:
        return question(session)


def _held(session: Session) -> list[int]:
    return list(session.scalars(retention.held_accounts()))


def _tracker_age(chosen: Settings, moment: datetime) -> datetime:
    return moment - timedelta(days=chosen.retention_tracker_days)


def _note(session: Session, moment: datetime, kind: str, removed: int) -> int:
    """Counts in the same transaction, so that the day's line is true whenever the purge is killed."""
    if removed:
        work = housekeeping.begin(session, housekeeping.PURGE, moment)
        work.counts = {**work.counts, kind: int(work.counts.get(kind, 0)) + removed}
    return removed
