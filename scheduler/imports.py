"""Imports that wait for work: checked from the beginning, or written batch by batch from where the last one stopped."""

from collections.abc import Callable
from contextlib import AbstractContextManager, closing

import structlog
from sqlalchemy.orm import Session

from crm import clock, import_files, import_shapes, imports
from crm.import_rehearsal import Rehearsal
from crm.import_tables import Unreadable
from crm.models.integration import Import

log = structlog.get_logger()
Door = Callable[[], AbstractContextManager[Session]]


def work(read: Door, lead: Door, pause: Callable[[], bool]) -> None:
    """Works until nothing waits or `pause`, which waits between two batches, says stop. `lead` may raise LeaseLost."""
    while True:
        with read() as session:
            job = imports.next_to_work(session)
            old = import_files.any_old(session, clock.now())
        if old:
            with lead() as session:
                import_files.forget_old(session, clock.now())
        if job is None or not _through(job, lead, pause):
            return


def _through(job: Import, lead: Door, pause: Callable[[], bool]) -> bool:
    """Goes through the file; False when it was told to stop on the way."""
    try:
        columns, entries = imports.read(import_files.path_of(job), job.kind)
        with lead() as session:
            imports.note_columns(session, job.id, columns)
            again = imports.begin_again(session, job.id)
        with closing(Rehearsal()) as rehearsal:
            waiting = (entry for entry in entries if again or entry.rows[0].number >= job.next_row)
            for batch in import_shapes.batches(waiting, imports.BATCH):
                with lead() as session:
                    if not imports.take(session, job.id, job.state, batch, rehearsal):
                        return True  # cancelled meanwhile
                if pause():
                    return False
    except Unreadable as error:
        with lead() as session:
            imports.fail(session, job.id, error.reason)
        return True
    with lead() as session:
        imports.finish(session, job.id, job.state)
    log.info("done", job="import", number=job.id, state=job.state.value)
    return True
