"""Files of customers and purchases: uploaded, and those that were."""

import json
from functools import partial

from nicegui import events, ui
from sqlalchemy.orm import Session

from console import desk, guard, inbox, phrases
from console.connections import sections
from console.desk import act
from console.frame import frame
from console.language import _
from console.pieces import Canvas, attribute, box, button, empty, link, moment, pill, symbol, text
from console.visits import Visit
from crm import import_files, imports
from crm.import_tables import MAX_BYTES
from crm.models.integration import Import, ImportKind, ImportState
from crm.models.staff import Staff
from crm.records import Outcome

REDRAW_S = 2.0
# Quasar leaves its field of a file without a name, and out of the keyboard's reach.
NAME_UPLOAD = "document.querySelectorAll('.upload input').forEach((e) => { e.ariaLabel = WORDS; e.tabIndex = 0 })"
TONES = {
    ImportState.CHECKING: "info",
    ImportState.CHECKED: "warn",
    ImportState.RUNNING: "info",
    ImportState.DONE: "good",
    ImportState.UNREADABLE: "bad",
    ImportState.CANCELLED: "",
}


@guard.page("/imports")
async def page(visit: Visit) -> None:
    """Upload, and the last imports."""
    found = await desk.look(imports.listing)
    with frame(visit, _("Connections"), await inbox.for_visitor(visit.visitor)):
        with box("tools"):
            sections("imports")
        with box("stack wide-gap"):
            _Upload().build()
            place = Canvas("card rows")

    def show(now: list[Import]) -> None:
        place.show([(each.id, each.state, each.next_row) for each in now], lambda: _draw(now))

    async def again() -> None:
        show(await desk.look(imports.listing))

    show(found)
    visit.every(REDRAW_S, again)


class _Upload:
    """Which kind of file, and the place to drop it."""

    def __init__(self) -> None:
        self.kind = ImportKind.CUSTOMERS
        self._buttons: dict[ImportKind, ui.element] = {}

    def build(self) -> None:
        with box("card pad stack"):
            words = _("A file from your till, web shop or spreadsheet")
            text(words, "section-title", "h3")
            with attribute(box("choice"), role="group"):
                for kind in ImportKind:
                    element = button(phrases.word(kind), partial(self._choose, kind))
                    self._buttons[kind] = attribute(element, data_kind=kind.value)
            self._hint = text("", "dim")
            upload = ui.upload(
                on_upload=self._take,
                on_rejected=lambda: ui.notify(
                    _("The file is too large: 50 MB at the most."), type="negative", position="top"
                ),
                max_file_size=MAX_BYTES,
                max_files=1,
                auto_upload=True,
            )
            with upload.add_slot("header"), box("upload-head"):
                symbol("upload_file")
                text(_("Drop a CSV or Excel file (.xlsx) here, or press to choose one"), tag="span")
                ui.element("q-uploader-add-trigger")  # the field of the file, over the whole of the head
            upload.props('accept=".csv,.txt,.tsv,.xlsx" flat bordered').classes("upload")
            ui.run_javascript(NAME_UPLOAD.replace("WORDS", json.dumps(words)))
            text(_("It is checked first: nothing is written before you have seen what would happen."), "hint")
        self._light()

    async def _choose(self, kind: ImportKind) -> None:
        self.kind = kind
        self._light()

    def _light(self) -> None:
        for kind, element in self._buttons.items():
            element.classes(add="on") if kind is self.kind else element.classes(remove="on")
            attribute(element, aria_pressed="true" if kind is self.kind else "false")
            element.update()
        self._hint.text = {
            ImportKind.CUSTOMERS: _(
                "Columns: customer code or phone, full name; also e-mail, form of address, birthday, tier, occupation."
            ),
            ImportKind.PURCHASES: _(
                "Columns: order code, customer code or phone, date, product (code or exact name); also status, "
                "quantity, unit price, serial number. One line for each product, the lines of an order together."
            ),
        }[self.kind]

    async def _take(self, event: events.UploadEventArguments) -> None:
        kind, name = self.kind, event.file.name
        stored = import_files.new_name()
        await event.file.save(import_files.directory() / stored)

        def work(session: Session, staff: Staff) -> int:
            import_files.weigh(stored)
            return imports.begin(session, staff, kind, name, stored).id

        outcome = await act("upload_import", work)
        if outcome:
            ui.navigate.to(f"/imports/{outcome.value}")


def _draw(found: list[Import]) -> None:
    if not found:
        empty("upload_file", _("Nothing was imported yet"), _("Choose above what the file holds, and drop it."))
    for job in found:
        _row(job)


def _row(job: Import) -> None:
    with link(f"/imports/{job.id}", "entry"):
        with box("row-main"):
            with box("row-head"):
                text(job.filename, "strong", "span")
                pill(phrases.word(job.state), TONES[job.state])
                text(phrases.word(job.kind), "dim small", "span")
            text(counted(job), "row-words")
        with box("row-end"):
            moment(job.created_at)


def counted(job: Import) -> str:
    """The rows by what came of them, in a line."""
    shown = [(outcome, int(job.counts.get(outcome.value, 0))) for outcome in Outcome]
    return " · ".join(f"{phrases.word(outcome)}: {phrases.number(count)}" for outcome, count in shown if count)
