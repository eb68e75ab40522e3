"""Joining two cases of one customer, and making a case of its own of a second matter."""

from collections.abc import Callable

from nicegui import ui
from sqlalchemy.orm import Session

from console import phrases
from console.complaint_dialogs import Form, choice_field, words_field
from console.complaint_part import Part, act, say
from console.language import _
from console.pieces import box, button, link, section, symbol, text
from crm import case_merges, complaints
from crm.case_sight import CaseSight
from crm.complaints import Report
from crm.models.care import ComplaintCategory, Severity
from crm.models.staff import Staff

ACTION = "merge_complaint"
SHOWN = 90


class Merging(Part):
    """Draws what can be joined or split, for a case that is open."""

    def draw(self, sight: CaseSight) -> None:
        """The block; nothing once the case is settled."""
        if not sight.is_open:
            return
        with section(_("Join or split")):
            for other in sight.candidates:
                self._candidate(other.id, other.code, other.description)
            with box("actions"):

                async def split() -> None:
                    await self._split(sight)

                button(_("Make a second case"), split, "", "call_split")

    def _candidate(self, number: int, code: str, description: str) -> None:
        async def join() -> None:
            await self._join(number)

        with box("case-step"):
            symbol("call_merge")
            with box("row-main"):
                with link(f"/complaints/{number}", "plain"):
                    text(code, "strong mono", "span")
                text(description[:SHOWN], "small dim")
            button(_("Join to this case"), join, "quiet")

    async def _join(self, number: int) -> None:
        def work(session: Session, staff: Staff) -> None:
            duplicate, kept = complaints.get(session, number), complaints.get(session, self.complaint_id)
            case_merges.merge(session, duplicate, kept, staff)

        def back(session: Session, staff: Staff) -> None:
            case_merges.separate(session, complaints.get(session, number), staff)

        if await act(self.visit, ACTION, work):
            await self._undo(_("The cases are one now; the customer gets one answer."), ACTION, back)
        await self._changed()

    async def separate(self, number: int) -> None:
        """Takes a case out again that is answered in this one."""

        def work(session: Session, staff: Staff) -> None:
            case_merges.separate(session, complaints.get(session, number), staff)

        await act(self.visit, ACTION, work)
        await self._changed()

    async def _split(self, sight: CaseSight) -> None:
        def build() -> Callable[[], Report]:
            what = words_field(_("The second matter, in the customer's words"), 4)
            kinds = {each.value: phrases.word(each) for each in ComplaintCategory}
            kind = choice_field(_("Category"), kinds, ComplaintCategory.OTHER.value)
            levels = {each.value: phrases.word(each) for each in Severity}
            level = choice_field(_("Severity"), levels, Severity.NORMAL.value)
            photos = [
                (path, ui.checkbox(_("Photo {number}").format(number=number)))
                for number, path in enumerate(sight.complaint.photos, 1)
            ]

            def read() -> Report:
                return Report(
                    str(what.value or ""),
                    category=ComplaintCategory(str(kind.value)),
                    severity=Severity(str(level.value)),
                    photos=[path for path, chosen in photos if chosen.value],
                )

            return read

        hint = _("It gets a code and clocks of its own, and the customer is told its code.")
        await self.ask(Form(_("Make a second case"), hint, _("Make the case"), build, self._make))
        await self._changed()

    async def _make(self, report: Report) -> bool:
        def work(session: Session, staff: Staff) -> str:
            return case_merges.split(session, complaints.get(session, self.complaint_id), report, staff).code

        made = await act(self.visit, ACTION, work)
        if made:
            say(self.visit, _("{code} is a case of its own now.").format(code=made.value))
        return bool(made)
