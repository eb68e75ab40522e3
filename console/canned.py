"""Ready answers: everybody's and one's own, to look through, write and change."""

from collections.abc import Sequence
from dataclasses import dataclass

from nicegui import ui
from sqlalchemy.orm import Session

from console import desk, guard, inbox, phrases
from console.desk import act
from console.dialogs import confirmed
from console.frame import frame
from console.language import _
from console.pieces import Canvas, attribute, box, button, empty, pill, text
from console.visits import Visit
from crm import canned
from crm.canned import KEEPERS, LONGEST_TEXT, LONGEST_TITLE, VARIABLES
from crm.models.staff import Staff
from crm.models.talk import CannedAnswer

SHOW_FORM = "document.querySelector('.canned-form')?.scrollIntoView({block: 'nearest'})"  # above the list on a tablet


@guard.page("/canned")
async def page(visit: Visit) -> None:
    """Shows the answers and, beside them, the form for one."""
    waiting = await inbox.for_visitor(visit.visitor)
    with frame(visit, _("Ready answers"), waiting, back=(_("Inbox"), "/inbox")):
        await Shelf(visit).build()


@dataclass
class Draft:
    """What the form holds; `answer` is None for a new one."""

    answer: CannedAnswer | None
    shared: bool


class Shelf:
    """The list on the left and the form on the right."""

    def __init__(self, visit: Visit) -> None:
        self.visit = visit
        self._answers: Sequence[CannedAnswer] = ()
        self._draft = Draft(None, shared=visit.visitor.role in KEEPERS)

    async def build(self) -> None:
        with box("canned-page"):
            with box("stack"):
                with box("canned-head"):
                    self._search = ui.input(placeholder=_("Search by title or words, accents or not"))
                    self._search.props("outlined dense clearable").classes("search")
                    self._search.on_value_change(lambda: self._list())
                    button(_("New answer"), self._begin, "primary", "add")
                self._rows = Canvas("card rows canned-rows")
            self._form = Canvas("card pad stack canned-form")
        await self._reload()
        self._edit()

    async def _reload(self) -> None:
        self._answers = await desk.look(lambda session: canned.usable(session, self.visit.visitor.staff_id))
        self._list()

    def _list(self) -> None:
        found = canned.found(self._answers, self._search.value or "")
        key = [(each.id, each.title, each.text, each.owner_id) for each in found]
        chosen = self._draft.answer.id if self._draft.answer else 0
        self._rows.show((key, chosen), lambda: self._draw_rows(found, chosen))

    def _draw_rows(self, found: list[CannedAnswer], chosen: int) -> None:
        if not found:
            empty("bolt", _("No ready answer here"), _("Write one on the right: it is found again with / in a reply."))
        for each in found:
            row = attribute(
                box("entry canned-row on" if each.id == chosen else "entry canned-row", "button"), type="button"
            )
            with row, box("row-main"):
                with box("row-head"):
                    text(each.title, "strong", "span")
                    if each.owner_id is not None:
                        pill(_("Only mine"), "info")
                text(each.text, "row-words")
            row.on("click", lambda each=each: self._choose(each))

    def _choose(self, answer: CannedAnswer) -> None:
        self._draft = Draft(answer, shared=answer.owner_id is None)
        self._list()
        self._edit()
        ui.run_javascript(SHOW_FORM)

    async def _begin(self) -> None:
        self._draft = Draft(None, shared=self.visit.visitor.role in KEEPERS)
        self._list()
        self._edit()
        self._title.run_method("focus")

    def _edit(self) -> None:
        self._form.show(object(), self._draw_form)

    def _draw_form(self) -> None:
        answer, role = self._draft.answer, self.visit.visitor.role
        mine = answer is None or canned.may_change(role, self.visit.visitor.staff_id, answer)
        text(_("New answer") if answer is None else answer.title, "section-title", "h2")
        self._title = ui.input(_("Name of the answer"), value=answer.title if answer else "")
        self._title.props(f"outlined maxlength={LONGEST_TITLE}").classes("field canned-title")
        self._text = ui.textarea(_("Text for the customer"), value=answer.text if answer else "")
        self._text.props(f"outlined autogrow maxlength={LONGEST_TEXT}").classes("field canned-text")
        self._draw_variables(mine)
        self._shared = ui.checkbox(_("Everybody may use it"), value=self._draft.shared)
        self._shared.set_enabled(role in KEEPERS)
        if not mine:
            text(_("Only a lead changes what everybody uses. Write your own version with New answer."), "dim small")
            for each in (self._title, self._text):
                each.props("readonly")
            return
        with box("actions"):
            button(_("Save"), self._save, "primary", "check")
            if answer is not None:
                button(_("Delete"), self._delete, "danger", "delete")

    def _draw_variables(self, usable: bool) -> None:
        text(_("Filled in by itself for each customer; press to add:"), "dim small")
        with box("variables"):
            for name in VARIABLES:
                chip = attribute(box("chip", "button"), type="button", title=phrases.variable(name))
                with chip:
                    text("{" + name + "}", tag="span")
                if usable:
                    chip.on("click", lambda name=name: self._add(name))

    def _add(self, name: str) -> None:
        words = self._text.value or ""
        space = "" if not words or words.endswith((" ", "\n")) else " "
        self._text.value = f"{words}{space}{{{name}}} "
        self._text.run_method("focus")

    async def _save(self) -> None:
        title, words, shared = self._title.value or "", self._text.value or "", bool(self._shared.value)
        number = self._draft.answer.id if self._draft.answer else None

        def work(session: Session, staff: Staff) -> CannedAnswer:
            return canned.save(session, staff, title, words, shared=shared, answer_id=number)

        saved = await act("save_canned", work)
        if saved and saved.value is not None:
            ui.notify(_("Saved."), type="positive", position="top")
            self._draft = Draft(saved.value, shared=shared)
            await self._reload()
            self._edit()

    async def _delete(self) -> None:
        answer = self._draft.answer
        assert answer is not None
        with self.visit.client:
            sure = await confirmed(_("Delete this answer?"), answer.title, _("Delete"), "danger")
        if sure and await act("delete_canned", lambda session, staff: canned.delete(session, staff, answer.id)):
            self._draft = Draft(None, shared=self.visit.visitor.role in KEEPERS)
            await self._reload()
            self._edit()
