"""What becomes due by itself about personal data: reminders, last days, copies that expire, unfinished erasures."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

import structlog
from sqlalchemy.orm import Session

from crm import (
    clock,
    duplicates,
    housekeeping,
    merges,
    personal_data_erase,
    personal_data_export,
    personal_data_handover,
    personal_data_requests,
)
from crm.db import Database
from crm.errors import TrianError
from crm.purge import Door

log = structlog.get_logger()
DUPLICATES = "duplicates"


def run(store: Database, write: Door, moment: datetime) -> dict[str, int]:
    """Does all of it, each in a transaction of its own through `write`; returns how many of each."""
    counts = {
        "reminded": _in(write, partial(personal_data_requests.remind, moment=moment)),
        "expired": _in(write, partial(personal_data_export.expire, moment=moment)),
        "copies": _in(write, partial(personal_data_handover.send_asked, _moment=moment)),
        "erased": _erase_due(store, write, moment),
        "moved_on": _in(write, merges.sweep),
    }
    with store.read() as session:
        waiting = personal_data_erase.unfinished(session)
        look = not housekeeping.finished(session, DUPLICATES, moment)
    counts["finished"] = sum(personal_data_erase.finish(store, number, moment) for number in waiting)
    if look:
        counts["alike"] = _in(write, partial(_find_duplicates, moment=moment))
    return {name: number for name, number in counts.items() if number}


def erase(store: Database, write: Door, customer_id: int) -> int:
    """Erases the customer and closes their requests; the number of the tombstone. Raises NotFound, LegalHold."""
    with write() as session:
        personal_data_requests.settle_erased(session, customer_id, None)
        number = personal_data_erase.erase_rows(session, customer_id, None).id
    personal_data_erase.finish(store, number)
    return number


def _erase_due(store: Database, write: Door, moment: datetime) -> int:
    with store.read() as session:
        due = personal_data_requests.erasures_due(session, moment)
    done = 0
    for customer_id in due:
        try:
            erase(store, write, customer_id)
            done += 1
        except TrianError as error:  # a complaint was opened meanwhile, or somebody was quicker
            log.info("not erased", customer=customer_id, why=str(error))
    return done


def _find_duplicates(session: Session, moment: datetime) -> int:
    found = duplicates.find(session)
    work = housekeeping.begin(session, DUPLICATES, moment)
    work.counts, work.finished_at = {"found": found}, clock.now()
    return found


def _in(write: Door, step: Callable[[Session], int]) -> int:
    with write() as session:
        return step(session)
