"""One import: what the dry run found, what was written, which rows were refused and why."""

from collections.abc import Iterator

from fastapi import APIRouter, Request
from nicegui import ui
from sqlalchemy.orm import Session
from starlette.responses import Response, StreamingResponse

from console import access, desk, guard, inbox, notices, phrases, tickets
from console.desk import act
from console.frame import frame
from console.imports import TONES
from console.language import _, plural
from console.pieces import Canvas, attribute, box, button, fact, moment, pill, text
from console.visits import Visit, visitor_of
from crm import audit, import_files, import_words, imports
from crm.db import database
from crm.models.integration import Import, ImportRow, ImportState
from crm.models.staff import Staff
from crm.records import Outcome
from crm.settings import settings

router = APIRouter()
_FILE = "/imports/{import_id:int}/refused.csv"
REDRAW_S = 1.0
CHUNK = 500
SHOWN = 100
TONE_OF = {Outcome.CREATED: "good", Outcome.UPDATED: "good", Outcome.UNCHANGED: "", Outcome.REFUSED: "bad"}


@guard.page("/imports/{import_id:int}")
async def page(visit: Visit, import_id: int) -> None:
    """Builds the page; the `Screen` keeps it live."""
    screen = Screen(import_id)
    job, rows = await desk.look(screen.see)
    back = (_("Import files"), "/imports")
    with frame(visit, job.filename, await inbox.for_visitor(visit.visitor), back=back), box("stack wide-gap"):
        screen.head, screen.rows = Canvas("card pad stack"), Canvas("")
    screen.show(job, rows)
    visit.every(REDRAW_S, screen.again)


@router.get(_FILE)
def refused(request: Request, import_id: int, ticket: str = "") -> Response:
    """The refused rows as CSV, read page by page while they are sent. Needs the ticket of an audited export."""
    visitor = visitor_of(request)
    if visitor is None or visitor.role not in access.FILES[_FILE]:
        return notices.denied()
    if not tickets.is_good(ticket, f"import {import_id}", visitor.staff_id):
        return notices.denied()
    headers = {"Content-Disposition": f'attachment; filename="tri-an-{import_id}.csv"', "Cache-Control": "no-store"}
    return StreamingResponse(_pieces(import_id), media_type="text/csv; charset=utf-8", headers=headers)


def _pieces(import_id: int) -> Iterator[bytes]:
    after, head = 0, True
    while True:
        with database(settings().database_url).read() as session:
            found = imports.refused_rows(session, import_id, after, CHUNK)
        if found or head:
            yield imports.report(found, head=head).encode()
        if not found:
            return
        after, head = found[-1].number, False


class Screen:
    """The parts of the page that change."""

    head: Canvas
    rows: Canvas

    def __init__(self, import_id: int) -> None:
        self.import_id = import_id

    def see(self, session: Session) -> tuple[Import, list[ImportRow]]:
        """The import with its first refused rows. Raises NotFound."""
        return imports.get(session, self.import_id), imports.refused_rows(session, self.import_id, limit=SHOWN)

    async def again(self) -> None:
        """Looks again and draws what changed."""
        self.show(*await desk.look(self.see))

    def show(self, job: Import, rows: list[ImportRow]) -> None:
        self.head.show((job.state, job.next_row), lambda: self._draw_head(job))
        key = (job.state, len(rows), job.counts.get("refused"))
        self.rows.show(key, lambda: self._draw_rows(job, rows))

    def _draw_head(self, job: Import) -> None:
        with box("head-line"):
            with box("row-head"):
                pill(phrases.word(job.state), TONES[job.state])
                text(phrases.word(job.kind), "dim", "span")
                moment(job.created_at)
            with box("actions"):
                if job.state is ImportState.CHECKED and _useful(job):
                    button(_("Import these rows"), self._start, "primary", "playlist_add_check")
                if job.state in (*import_files.WORKING, ImportState.CHECKED):
                    button(_("Call it off"), self._cancel)
        if job.reason:
            text(import_words.why_file(job.reason), "lacking")
        _said(job)
        if job.state in import_files.WORKING:
            _progress(job)
        _tiles(job)
        _columns(job)

    def _draw_rows(self, job: Import, rows: list[ImportRow]) -> None:
        if not rows:
            return
        with box("card rows", "section"):
            with box("panel-head"):
                text(_("Refused rows"), tag="h2")
                button(_("Take them away as a table"), self._export, "", "download")
            for row in rows:
                _refused(row)
            more = int(job.counts.get("refused", 0)) - len(rows)
            if more > 0:
                text(plural("{n} more in the table", "{n} more in the table", more), "dim panel-empty")

    async def _start(self) -> None:
        await act("start_import", lambda session, staff: imports.start(session, staff, self.import_id))
        await self.again()

    async def _cancel(self) -> None:
        await act("cancel_import", lambda session, staff: imports.cancel(session, staff, self.import_id))
        await self.again()

    async def _export(self) -> None:
        def work(session: Session, staff: Staff) -> str:
            audit.record(session, staff, "import_export", "import", imports.get(session, self.import_id).id)
            return tickets.give(f"import {self.import_id}", staff.id)

        outcome = await act("export_import", work)
        if outcome:
            ui.navigate.to(f"/imports/{self.import_id}/refused.csv?ticket={outcome.value}")


def _useful(job: Import) -> bool:
    return any(job.counts.get(outcome.value) for outcome in (Outcome.CREATED, Outcome.UPDATED))


def _said(job: Import) -> None:
    if job.state is ImportState.CHECKED and _useful(job):
        text(_("Nothing is written yet. This is what would happen; refused rows are left out."))
    elif job.state is ImportState.CHECKED:
        text(_("There is nothing to import: every row is here already or was refused."))
    elif job.state is ImportState.DONE:
        text(_("It is imported. The same file once more would change nothing."))


def _progress(job: Import) -> None:
    done = int(job.counts.get("rows", 0))
    if job.total:
        with attribute(box("progress"), role="progressbar", aria_valuenow=str(100 * done // job.total)):
            box("progress-part").style(f"width: {100 * done / job.total:.1f}%")
    text(_("{n} rows so far").format(n=phrases.number(done)), "dim")


def _tiles(job: Import) -> None:
    with box("import-tiles"):
        for outcome in Outcome:
            count = int(job.counts.get(outcome.value, 0))
            with attribute(box("import-tile"), data_outcome=outcome.value):
                text(phrases.number(count), f"counts-number {TONE_OF[outcome] if count else 'dim'}")
                text(phrases.word(outcome), "dim")


def _columns(job: Import) -> None:
    known = [f"{each['heading']} → {import_words.column(each['field'])}" for each in job.columns if each["field"]]
    unknown = [each["heading"] for each in job.columns if not each["field"] and each["heading"]]
    fact(_("Columns taken over"), ", ".join(known))
    fact(_("Columns left aside"), ", ".join(unknown))


def _refused(row: ImportRow) -> None:
    with attribute(box("entry"), data_row=str(row.number)):
        text(str(row.number), "row-number mono dim")
        with box("row-main"):
            for each in row.problems:
                with box("row-head"):
                    text(str(each["column"]), "strong", "span")
                    if each["value"]:
                        text(str(each["value"]), "bad clip wrong-value", "span")
                    text(str(each["why"]), "", "span")
            text(" · ".join(cell for cell in row.cells if cell), "row-words small")
