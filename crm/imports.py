"""Imports: a file is checked in a dry run, shown, and then written, batch by batch.

A kill costs the batch at hand; a dry run, which writes nothing, begins again.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from crm import audit, clock, customer_records, import_files, import_shapes, import_words, purchase_records
from crm.cells import safe
from crm.customer_records import CustomerRecord
from crm.errors import IllegalTransition, NotFound
from crm.import_files import WORKING
from crm.import_rehearsal import Rehearsal
from crm.import_shapes import Columns, Entry
from crm.import_tables import Unreadable, rows
from crm.models.integration import Import, ImportKind, ImportRow, ImportState
from crm.models.staff import Staff
from crm.purchase_records import PurchaseRecord
from crm.records import Outcome, Problem, Result

BATCH = 500
KEPT_ROWS = 5000  # refused rows that are kept to be shown; the others are counted
LEGAL = {
    ImportState.CHECKING: {ImportState.CHECKED, ImportState.UNREADABLE, ImportState.CANCELLED},
    ImportState.CHECKED: {ImportState.RUNNING, ImportState.CANCELLED},
    ImportState.RUNNING: {ImportState.DONE, ImportState.UNREADABLE, ImportState.CANCELLED},
}


@dataclass(frozen=True)
class Checked:
    """An entry and what came of it, or would."""

    entry: Entry
    result: Result

    @property
    def problems(self) -> Iterator[tuple[int, Problem]]:
        """What is wrong, each with the number of its row."""
        yield from self.entry.problems
        yield from ((self.entry.rows[0].number, problem) for problem in self.result.problems)


def begin(session: Session, staff: Staff | None, kind: ImportKind, filename: str, stored: str) -> Import:
    """A new import of an upload that `import_files.store` keeps as `stored`; the scheduler checks it."""
    job = Import(
        kind=kind,
        filename=Path(filename).name[:200] or "?",
        path=stored,
        state=ImportState.CHECKING,
        columns=[],
        counts={},
        staff_id=staff.id if staff else None,
        created_at=clock.now(),
    )
    session.add(job)
    session.flush()
    audit.record(session, staff, "import_upload", "import", job.id, kind=kind.value)
    return job


def start(session: Session, staff: Staff, import_id: int) -> None:
    """Writes what the dry run has shown. Raises IllegalTransition unless it is checked and not begun."""
    job = get(session, import_id, lock=True)
    checked = dict(job.counts)
    _move(job, ImportState.RUNNING)
    job.next_row, job.counts = 0, {}
    session.execute(delete(ImportRow).where(ImportRow.import_id == job.id))
    audit.record(session, staff, "import_start", "import", job.id, **checked)


def cancel(session: Session, staff: Staff, import_id: int) -> None:
    """Stops it; what is written stays. Raises IllegalTransition: it is over."""
    job = get(session, import_id, lock=True)
    _move(job, ImportState.CANCELLED)
    audit.record(session, staff, "import_cancel", "import", job.id, rows=job.next_row)


def get(session: Session, import_id: int, *, lock: bool = False) -> Import:
    """The import; raises NotFound."""
    job = session.get(Import, import_id, with_for_update=lock or None)
    if job is None:
        raise NotFound(f"import {import_id}")
    return job


def listing(session: Session, limit: int = 30) -> list[Import]:
    """The last imports, the newest first."""
    return list(session.scalars(select(Import).order_by(Import.id.desc()).limit(limit)))


def next_to_work(session: Session) -> Import | None:
    """The oldest import that waits for work."""
    return session.scalar(select(Import).where(Import.state.in_(WORKING)).order_by(Import.id).limit(1))


def read(path: Path, kind: ImportKind) -> tuple[Columns, Iterator[Entry]]:
    """The file's columns and its records. Raises Unreadable; going through the records may raise it too."""
    found = rows(path)
    heading = next(found, None)
    if heading is None:
        raise Unreadable("empty")
    columns = Columns.of(kind, heading)
    return columns, import_shapes.entries(kind, columns, found)


def apply(session: Session, entries: Sequence[Entry], rehearsal: Rehearsal | None = None) -> list[Checked]:
    """Writes the entries that can be used.

    Args:
        rehearsal: of a dry run over the whole file: this batch is taken back at once, so that exactly what would happen
            is known; what the batches before would have written counts for it.
    """
    usable = [entry for entry in entries if entry.record is not None]
    outer = session.begin_nested()
    results = iter(_upsert(session, usable, rehearsal))
    outer.rollback() if rehearsal is not None else outer.commit()
    return [Checked(e, next(results) if e.record is not None else Result(Outcome.REFUSED)) for e in entries]


def begin_again(session: Session, import_id: int) -> bool:
    """Sets a dry run to the file's beginning: what it had remembered went with its process; whether it is one."""
    job = get(session, import_id, lock=True)
    if job.state is not ImportState.CHECKING:
        return False
    job.next_row, job.counts = 0, {}
    session.execute(delete(ImportRow).where(ImportRow.import_id == job.id))
    return True


def take(session: Session, import_id: int, state: ImportState, entries: Sequence[Entry], rehearsal: Rehearsal) -> bool:
    """One batch of an import; False, and nothing done, when it is not `state` any more or the batch was dealt with.

    `rehearsal`: if it is a dry run, this one's since its first batch; of no use if it is not.
    """
    job = session.get(Import, import_id, with_for_update=True, populate_existing=True)
    if job is None or job.state is not state or entries[0].rows[0].number < job.next_row:
        return False
    checked = apply(session, entries, rehearsal if state is ImportState.CHECKING else None)
    before = Counter(job.counts)
    counted = Counter(each.result.outcome.value for each in checked)
    kept = before[Outcome.REFUSED.value]
    refused = (each for each in checked if each.result.outcome is Outcome.REFUSED)
    session.add_all(_refused(job.id, each) for each in islice(refused, max(0, KEPT_ROWS - kept)))
    job.counts = dict(before + counted + Counter(rows=sum(len(each.rows) for each in entries)))
    job.next_row = entries[-1].last + 1
    return True


def note_columns(session: Session, import_id: int, columns: Columns) -> None:
    """Keeps which column was taken for what, to be shown."""
    pairs = zip(columns.headings, columns.fields, strict=True)
    get(session, import_id).columns = [{"heading": heading, "field": field} for heading, field in pairs]


def finish(session: Session, import_id: int, state: ImportState) -> None:
    """The dry run or the import has come to the file's end."""
    job = get(session, import_id, lock=True)
    if job.state is not state:
        return
    job.total = int(job.counts.get("rows", 0))
    if not job.total:
        fail(session, import_id, "empty")
        return
    _move(job, ImportState.CHECKED if state is ImportState.CHECKING else ImportState.DONE)
    audit.record(session, None, f"import_{job.state.value}", "import", job.id, **job.counts)


def fail(session: Session, import_id: int, reason: str) -> None:
    """The file cannot be read (any further)."""
    job = get(session, import_id, lock=True)
    if job.state in WORKING:
        _move(job, ImportState.UNREADABLE)
        job.reason = reason


def refused_rows(session: Session, import_id: int, after: int = 0, limit: int = 50) -> list[ImportRow]:
    """Refused rows in the order of the file, those behind row `after`."""
    mine = select(ImportRow).where(ImportRow.import_id == import_id, ImportRow.number > after)
    return list(session.scalars(mine.order_by(ImportRow.number).limit(limit)))


def report(found: Sequence[ImportRow], *, head: bool) -> str:
    """Refused rows as CSV, one line a problem and the row's cells behind it; no cell is taken for a formula."""
    written = io.StringIO()
    lines = csv.writer(written)
    if head:
        lines.writerow(import_words.report_head())
    for row in found:
        for each in row.problems:
            start = [str(each["row"]), str(each["column"]), str(each["value"]), str(each["why"])]
            lines.writerow([safe(str(cell)) for cell in (*start, *row.cells)])
    return ("\ufeff" if head else "") + written.getvalue()


def described(number: int, problem: Problem) -> dict[str, object]:
    """A problem as it is kept and shown: in words."""
    column = import_words.column(problem.field)
    return {"row": number, "column": column, "value": problem.value, "why": import_words.why(problem)}


def _refused(import_id: int, checked: Checked) -> ImportRow:
    first = checked.entry.rows[0]
    problems = [described(number, problem) for number, problem in checked.problems]
    return ImportRow(import_id=import_id, number=first.number, cells=list(first.cells), problems=problems)


def _upsert(session: Session, entries: Sequence[Entry], rehearsal: Rehearsal | None) -> list[Result]:
    records = [entry.record for entry in entries]
    people = [each for each in records if isinstance(each, CustomerRecord)]
    if people:
        return rehearsal.people(session, people) if rehearsal else customer_records.upsert(session, people)
    orders = [each for each in records if isinstance(each, PurchaseRecord)]
    return rehearsal.orders(session, orders) if rehearsal else purchase_records.upsert(session, orders)


def _move(job: Import, to: ImportState) -> None:
    """The one function through which an import changes state."""
    if to not in LEGAL.get(job.state, set()):
        raise IllegalTransition(f"import {job.id}: {job.state} -> {to}")
    job.state = to
    if to in import_files.OVER:
        job.finished_at = clock.now()
