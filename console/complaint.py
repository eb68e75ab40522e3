"""One complaint as a case: its clocks, the customer's words, the work on it, and what the customer hears."""

from collections.abc import Callable

from nicegui import events, ui
from sqlalchemy.orm import Session

from console import card, complaint_clocks, complaint_head, complaint_history, desk, guard, inbox
from console.complaint_answer import Answer
from console.complaint_merging import Merging
from console.complaint_part import act
from console.complaint_rows import shown
from console.complaint_side import Side
from console.complaint_work import Work
from console.frame import frame
from console.language import _
from console.pieces import Canvas, attribute, box, button, symbol, text
from console.pulse import COMPLAINTS, pulse
from console.visits import Visit
from crm import case_sight, complaints, customer_card
from crm.case_sight import CaseSight
from crm.customer_card import Card
from crm.models.care import ComplaintState
from crm.models.staff import Staff

REDRAW_S = 60.0


@guard.page("/complaints/{complaint_id:int}")
async def page(visit: Visit, complaint_id: int) -> None:
    """Builds the page; the `Screen` keeps it live."""
    sight = await desk.look(lambda session: case_sight.see(session, complaint_id))
    about = await desk.look(lambda session: customer_card.card(session, sight.complaint.customer_id))
    waiting = await inbox.for_visitor(visit.visitor)
    screen = Screen(visit, complaint_id)
    with frame(visit, sight.complaint.code, waiting, back=(_("Complaints"), "/complaints")) as body:
        body.classes("wide")
        screen.build(sight, about)
    pulse.subscribe(visit, COMPLAINTS, screen.refresh)
    visit.every(REDRAW_S, screen.refresh)


class Screen:
    """The parts of an open complaint that change. What is being written is never redrawn."""

    def __init__(self, visit: Visit, complaint_id: int) -> None:
        self.visit, self.complaint_id = visit, complaint_id
        self.answer = Answer(visit, complaint_id, self._changed)
        self.side = Side(visit, complaint_id, self._offer_undo, self._changed)
        self.work = Work(visit, complaint_id, self._offer_undo, self._changed)
        self.merging = Merging(visit, complaint_id, self._offer_undo, self._changed)

    def build(self, sight: CaseSight, about: Card) -> None:
        """Draws everything once."""
        with box("desk scrolls"):
            with box("stack"):
                self.undo = attribute(Canvas("undo").place, aria_live="polite")
                with box("card pad"):
                    self.head = Canvas("stack")
                self.answer.build()
                with box("card pad"):
                    self.doings = Canvas("case-doings")
                with box("card pad"):
                    self.history = Canvas("")
            with box("stack case-aside", "aside"):
                with box("card aside-card"):
                    self.facts = Canvas("")
                with box("card aside-card"):
                    card.draw(about)
        ui.keyboard(self._key, ignore=["input", "select", "textarea"])
        self._show(sight)

    async def refresh(self) -> None:
        """Looks again and draws what changed."""
        self._show(await desk.look(lambda session: case_sight.see(session, self.complaint_id)))

    def _show(self, sight: CaseSight) -> None:
        self.sight = sight
        key = (sight.mark, shown(sight.complaint), sight.moves)
        clocks = complaint_clocks.shown(sight.clocks)
        self.head.show(
            (key, clocks, sight.carers),
            lambda: complaint_head.draw(sight, self._move, self._take, self.merging.separate),
        )
        self.facts.show((key, [each.id for each in sight.candidates]), lambda: self._draw_side(sight))
        self.doings.show(key, lambda: self.work.draw(sight))
        self.history.show(key, lambda: complaint_history.draw(sight))
        self.answer.show(sight)

    def _draw_side(self, sight: CaseSight) -> None:
        self.side.draw(sight)
        self.merging.draw(sight)

    async def _take(self) -> None:
        await self.side.give(self.visit.visitor.staff_id, self.sight.complaint.owner_id)

    async def _move(self, to: ComplaintState) -> None:
        def work(session: Session, staff: Staff) -> None:
            complaints.move(session, complaints.get(session, self.complaint_id), to, staff)

        await act(self.visit, "move_complaint", work)
        await self._changed()

    async def _offer_undo(self, words: str, action: str, work: Callable[[Session, Staff], object]) -> None:
        """Shows what was done and the way back, until something else is done."""

        async def back() -> None:
            self.undo.clear()
            await act(self.visit, action, work)
            await self._changed()

        self.undo.clear()
        with self.undo, box("undo-bar"):
            symbol("check")
            text(words, tag="span")
            button(_("Undo"), back, "quiet", "undo")

    async def _changed(self) -> None:
        await self.refresh()
        pulse.poke()

    def _key(self, pressed: events.KeyEventArguments) -> None:
        if pressed.action.keydown and pressed.key == "a" and not pressed.modifiers.ctrl:
            ui.run_javascript("document.querySelector('.answer textarea')?.focus()")
