"""What was done about a complaint, what is still to be done and by whom, and what the customer was given for it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy.orm import Session

from console import phrases
from console.complaint_dialogs import Form, choice_field, day_field, day_of, line_field, words_field
from console.complaint_part import Part, act
from console.language import _
from console.pieces import attribute, box, button, pill, section, symbol, text
from crm import case_compensation, case_steps, complaints, partners
from crm.case_sight import CaseSight
from crm.models.cases import CaseStep, Compensation, CompensationKind, StepState
from crm.models.staff import Staff

ACTION = "work_on_complaint"


@dataclass(frozen=True)
class NewStep:
    what: str
    partner: int | None
    done: bool
    day: date


class Work(Part):
    """Draws the steps and the compensation; `undo` is given the way back of what has one."""

    def draw(self, sight: CaseSight) -> None:
        """The whole card."""
        with section(_("What was done")):
            for step in sight.steps:
                self._step(sight, step)
            if not sight.steps:
                text(_("Nothing is written down yet."), "dim")
            if sight.is_open:
                with box("actions"):
                    self._adders(sight)
        with section(_("Compensation")):
            for given in sight.compensations:
                self._compensation(sight, given)
            if sight.compensations:
                total = sum(given.amount for given in sight.compensations)
                text(_("Together {amount}").format(amount=phrases.money(total)), "dim")
            else:
                text(_("Nothing was given."), "dim")
            if sight.kept is None:
                with box("actions"):
                    button(_("Record compensation"), self._give, "", "redeem")

    def _adders(self, sight: CaseSight) -> None:
        async def did() -> None:
            await self._add(sight, done=True)

        async def planned() -> None:
            await self._add(sight, done=False)

        button(_("Write down a step"), did, "", "playlist_add_check")
        button(_("Plan a step or ask a partner"), planned, "", "event")

    def _step(self, sight: CaseSight, step: CaseStep) -> None:
        late = step.state is StepState.OPEN and step.due_on is not None and step.due_on < case_steps.today()
        with attribute(box("case-step late" if late else "case-step"), data_step=str(step.id)):
            symbol({StepState.OPEN: "radio_button_unchecked", StepState.DONE: "check_circle"}.get(step.state, "cancel"))
            with box("row-main"):
                text(step.what, "prose-small")
                if step.answer:
                    text("→ " + step.answer, "prose-small dim")
                with box("row-head"):
                    self._who(sight, step, late)
            if sight.is_open:
                with box("actions"):
                    self._step_buttons(step)

    def _who(self, sight: CaseSight, step: CaseStep, late: bool) -> None:
        if step.partner is not None:
            pill(step.partner.name, "info")
        else:
            text(sight.names.get(step.staff_id or 0, ""), "dim small", "span")
        if step.state is StepState.OPEN and step.due_on is not None:
            words = _("overdue since {day}") if late else _("by {day}")
            text(words.format(day=f"{step.due_on:%d/%m/%Y}"), "small bad" if late else "small dim", "span")
        elif step.done_at is not None:
            text(f"{phrases.word(step.state)} · {phrases.day(step.done_at)}", "small dim", "span")
        other = next((each.code for each in sight.merged if each.id == step.complaint_id), "")
        if other:
            text(other, "small dim mono", "span")

    def _step_buttons(self, step: CaseStep) -> None:
        async def end() -> None:
            await self._end(step, StepState.DONE)

        async def drop() -> None:
            await self._end(step, StepState.DROPPED)

        if step.state is StepState.OPEN:
            button(_("Record the answer") if step.partner_id is not None else _("Done"), end, "quiet", "check")
            button(_("Drop"), drop, "quiet")

    async def _add(self, sight: CaseSight, *, done: bool) -> None:
        def build() -> Callable[[], NewStep]:
            what = words_field(_("What was done") if done else _("What is to be done"))
            known = {"": _("We ourselves"), **{str(each.id): each.name for each in sight.partners}}
            who = None if done else choice_field(_("Responsible"), known, "")
            day = day_field(_("On") if done else _("By"), case_steps.today() + timedelta(days=0 if done else 2))

            def read() -> NewStep:
                partner = int(who.value) if who is not None and who.value else None
                return NewStep(str(what.value or ""), partner, done, day_of(day, case_steps.today()))

            return read

        title = _("Write down a step") if done else _("Plan a step or ask a partner")
        hint = "" if done else _("A partner's overdue answer shows on the list, and you are told.")
        if await self.ask(Form(title, hint, _("Save"), build, self._keep)) is not None:
            await self._changed()

    async def _keep(self, given: NewStep) -> bool:
        def work(session: Session, staff: Staff) -> int:
            complaint = complaints.get(session, self.complaint_id)
            if given.done:
                return case_steps.done(session, complaint, staff, given.what, given.day).id
            partner = partners.get(session, given.partner) if given.partner is not None else None
            return case_steps.plan(session, complaint, staff, given.what, given.day, partner).id

        return bool(await act(self.visit, ACTION, work))

    async def _end(self, step: CaseStep, to: StepState) -> None:
        async def move(answer: str) -> bool:
            def work(session: Session, staff: Staff) -> None:
                case_steps.move(session, step.id, to, staff, answer)

            return bool(await act(self.visit, ACTION, work))

        def build() -> Callable[[], str]:
            field = words_field(_("What the partner answered"))
            return lambda: str(field.value or "")

        def back(session: Session, staff: Staff) -> None:
            case_steps.move(session, step.id, StepState.OPEN, staff)

        if to is StepState.DONE and step.partner_id is not None:
            moved = await self.ask(Form(_("Record the answer"), step.what, _("Save"), build, move)) is not None
        else:
            moved = await move("")
        if moved:
            await self._undo(_("The step is off the list."), ACTION, back)
        await self._changed()

    def _compensation(self, sight: CaseSight, given: Compensation) -> None:
        async def withdraw() -> None:
            await self._withdraw(given.id)

        with box("case-step"):
            symbol("redeem")
            with box("row-main"):
                with box("row-head"):
                    text(phrases.word(given.kind), "strong", "span")
                    text(phrases.money(given.amount), "mono", "span")
                text(given.note, "prose-small dim")
                text(f"{sight.names.get(given.staff_id or 0, '')} · {phrases.when(given.at)}", "small dim")
            with box("actions"):
                button(_("Take back"), withdraw, "quiet")

    async def _give(self) -> None:
        def build() -> Callable[[], tuple[str, int, str]]:
            kinds = {kind.value: phrases.word(kind) for kind in CompensationKind}
            kind = choice_field(_("Kind of compensation"), kinds, CompensationKind.VOUCHER.value)
            amount = line_field(_("What it costs us, in đồng"), "0").props("inputmode=numeric")
            note = words_field(_("Note"), 2)
            return lambda: (str(kind.value), dong(str(amount.value or "")), str(note.value or ""))

        numbers: list[int] = []

        async def keep(given: tuple[str, int, str]) -> bool:
            def work(session: Session, staff: Staff) -> int:
                complaint = complaints.get(session, self.complaint_id)
                kind, amount, note = given
                return case_compensation.give(session, complaint, staff, CompensationKind(kind), amount, note).id

            done = await act(self.visit, ACTION, work)
            numbers.extend([done.value] if done.value is not None else [])
            return bool(done)

        def back(session: Session, staff: Staff) -> None:
            for number in numbers:
                case_compensation.withdraw(session, number, staff)

        if await self.ask(Form(_("Record compensation"), "", _("Save"), build, keep)) is not None:
            await self._undo(_("The compensation is recorded."), ACTION, back)
        await self._changed()

    async def _withdraw(self, number: int) -> None:
        def work(session: Session, staff: Staff) -> None:
            case_compensation.withdraw(session, number, staff)

        await act(self.visit, ACTION, work)
        await self._changed()


def dong(written: str) -> int:
    """The sum as people write it ("200.000", "200k", "1tr"); -1, which is refused, for what is no sum."""
    plain = written.lower().replace(".", "").replace(",", "").replace(" ", "").replace("đ", "").replace("₫", "")
    for sign, times in (("k", 1_000), ("tr", 1_000_000)):
        if plain.endswith(sign) and plain.removesuffix(sign).isdecimal():
            return int(plain.removesuffix(sign)) * times
    return int(plain) if plain.isdecimal() and len(plain) < 15 else -1
