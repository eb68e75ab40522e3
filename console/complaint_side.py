"""Who looks after a complaint, how grave it is, what it is about: changed in place, with the way back."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from enum import StrEnum
from typing import Any

from nicegui import events, ui
from sqlalchemy.orm import Session

from console import phrases
from console.complaint_dialogs import Form, choice_field, words_field
from console.complaint_part import Part, act
from console.language import _
from console.pieces import attribute, box, button, section, text
from crm import case_work, complaints
from crm.case_sight import CaseSight
from crm.case_work import Facts, facts_of
from crm.models.care import Cause, Complaint, ComplaintCategory, Severity
from crm.models.staff import Staff


class Side(Part):
    """The card with the facts. Its fields are drawn anew after each change, from what is stored."""

    def draw(self, sight: CaseSight) -> None:
        """The whole card."""
        complaint, facts = sight.complaint, facts_of(sight.complaint)
        with section(_("The case")):
            self._owner(sight)
            with box("case-severity"):
                text(_("Severity"), "small dim")
                with box("row-head"):
                    text(phrases.word(complaint.severity), "strong", "span")
                    if sight.is_open:
                        button(_("Change"), self._severity(complaint), "quiet")
            kinds = {each.value: phrases.word(each) for each in ComplaintCategory}
            self._select(
                _("Category"), kinds, complaint.category, lambda to: replace(facts, category=ComplaintCategory(to))
            )
            causes = {"": _("Not found yet"), **{each.value: phrases.word(each) for each in Cause}}
            self._select(
                _("Cause"), causes, complaint.cause, lambda to: replace(facts, cause=Cause(to) if to else None)
            )
            orders = {"": _("No order"), **{str(each.id): each.order_code for each in sight.orders}}
            order = str(complaint.purchase_id or "")
            self._select(_("Order"), orders, order, lambda to: replace(facts, purchase_id=int(to) if to else None))
            if len(sight.talks) > 1:
                self._talk(sight, facts)

    def _talk(self, sight: CaseSight, facts: Facts) -> None:
        talks = {"": _("No conversation"), **{str(number): f"#{number}" for number in sight.talks}}
        talk = str(sight.complaint.conversation_id or "")
        self._select(_("Conversation"), talks, talk, lambda to: replace(facts, conversation_id=int(to) if to else None))

    def _owner(self, sight: CaseSight) -> None:
        owner = sight.complaint.owner_id
        people = {0: _("Nobody"), **{each.id: each.name for each in sight.owners}}
        if owner is not None and owner not in people:
            people[owner] = sight.names.get(owner, "")

        async def picked(event: events.ValueChangeEventArguments[Any]) -> None:
            await self.give(int(event.value), owner)

        field = ui.select(people, label=_("Looked after by"), value=owner or 0, on_change=picked)
        field.props("outlined dense options-dense").classes("field case-owner")
        if not sight.is_open:
            field.disable()

    async def give(self, to: int, expected: int | None) -> None:
        """Gives the case to somebody (0: to nobody), if it is still with whom the page showed; with the way back."""

        def handed(number: int | None, seen: int | None) -> Callable[[Session, Staff], None]:
            def work(session: Session, staff: Staff) -> None:
                person = session.get(Staff, number) if number else None
                case_work.assign(session, complaints.get(session, self.complaint_id), person, staff, seen)

            return work

        if await act(self.visit, "assign_complaint", handed(to or None, expected)):
            words = _("The case changed hands.")
            await self._undo(words, "assign_complaint", handed(expected, to or None))
        await self._changed()

    def _select(
        self, label: str, options: dict[str, str], value: StrEnum | str | None, to: Callable[[str], Facts]
    ) -> None:
        async def picked(event: events.ValueChangeEventArguments[Any]) -> None:
            await self._facts(to(str(event.value or "")))

        chosen = str(value or "")
        field = ui.select(options, label=label, value=chosen if chosen in options else "", on_change=picked)
        attribute(field.props("outlined dense options-dense").classes("field"), aria_label=label)

    async def _facts(self, facts: Facts) -> None:
        before: list[Facts] = []

        def work(session: Session, staff: Staff) -> None:
            complaint = complaints.get(session, self.complaint_id)
            before.append(facts_of(complaint))
            case_work.set_facts(session, complaint, facts, staff)

        def back(session: Session, staff: Staff) -> None:
            case_work.set_facts(session, complaints.get(session, self.complaint_id), before[-1], staff)

        if await act(self.visit, "edit_complaint", work):
            await self._undo(_("The facts were changed."), "edit_complaint", back)
        await self._changed()

    async def _set_severity(self, given: tuple[str, str]) -> bool:
        def work(session: Session, staff: Staff) -> None:
            to, reason = given
            case = complaints.get(session, self.complaint_id)
            case_work.set_severity(session, case, Severity(to), staff, reason)

        return bool(await act(self.visit, "edit_complaint", work))

    def _severity(self, complaint: Complaint) -> Callable[[], Awaitable[None]]:
        def build() -> Callable[[], tuple[str, str]]:
            levels = {each.value: phrases.word(each) for each in Severity}
            level = choice_field(_("Severity"), levels, complaint.severity.value)
            reason = words_field(_("Why"), 2)
            return lambda: (str(level.value), str(reason.value or ""))

        async def asked() -> None:
            hint = _("The clocks are counted anew. The reason stays in the history.")
            await self.ask(Form(_("Change the severity"), hint, _("Save"), build, self._set_severity))
            await self._changed()

        return asked
