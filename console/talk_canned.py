"""The picker of ready answers above the reply: searched as one types, chosen with the arrows and Enter."""

from collections.abc import Awaitable, Callable, Sequence

from nicegui import ui
from sqlalchemy.orm import Session

from console import desk
from console.desk import act
from console.language import _
from console.pieces import Canvas, attribute, box, empty, link, pill, text
from console.talk import Talk
from crm import canned, threads
from crm.canned import Filled
from crm.models.staff import Staff
from crm.models.talk import CannedAnswer

MOST_SHOWN = 8
Choose = Callable[[Filled], Awaitable[None]]


class Picker:
    """Hidden until it is opened.

    Args:
        choose: takes the answer, filled in for this customer.
        leave: what happens when the person goes back without one.
    """

    def __init__(self, talk: Talk, choose: Choose, leave: Callable[[], None]) -> None:
        self.talk, self._choose, self._leave = talk, choose, leave
        self._answers: Sequence[CannedAnswer] = ()
        self._found: list[CannedAnswer] = []
        self._at = 0
        self._place = attribute(box("picker"), role="dialog", aria_label=_("Ready answers"))
        self._place.set_visibility(False)
        with self._place:
            self._build()

    def _build(self) -> None:
        with box("picker-head"):
            self._search = ui.input(placeholder=_("Search ready answers, accents or not"))
            self._search.props("outlined dense").classes("search picker-search")
            self._search.on_value_change(self._look)
            for key, work in (("down", self._down), ("up", self._up), ("enter", self._take), ("esc", self.close)):
                self._search.on(f"keydown.{key}.prevent.stop", work)
            with link("/canned", "plain dim small") as manage:
                attribute(manage, target="_blank")
                text(_("Manage"), tag="span")
        self._rows = Canvas("picker-rows")

    @property
    def is_open(self) -> bool:
        return bool(self._place.visible)

    async def open(self) -> None:
        """Shows the answers, most used first."""
        self._answers = await desk.look(lambda session: canned.usable(session, self.talk.visit.visitor.staff_id))
        self._search.value = ""
        self._place.set_visibility(True)
        self._look()
        self._search.run_method("focus")

    def close(self) -> None:
        """Back to the reply."""
        self._place.set_visibility(False)
        self._leave()

    def _look(self) -> None:
        self._found = canned.found(self._answers, self._search.value or "")[:MOST_SHOWN]
        self._at = 0
        self._show()

    def _down(self) -> None:
        self._move(1)

    def _up(self) -> None:
        self._move(-1)

    def _move(self, step: int) -> None:
        self._at = (self._at + step) % max(1, len(self._found))
        self._show()

    def _show(self) -> None:
        key = ([each.id for each in self._found], self._at)
        self._rows.show(key, self._draw)

    def _draw(self) -> None:
        if not self._found:
            empty("bolt", _("Nothing found"), _("Manage opens the page where ready answers are written."))
        for number, each in enumerate(self._found):
            row = attribute(box("picker-row on" if number == self._at else "picker-row", "button"), type="button")
            with row:
                with box("row-head"):
                    text(each.title, "strong", "span")
                    if each.owner_id is not None:
                        pill(_("Only mine"), "info")
                text(each.text, "row-words")
            row.on("click", lambda each=each: self._pick(each))

    async def _take(self) -> None:
        if self._found:
            await self._pick(self._found[self._at])

    async def _pick(self, answer: CannedAnswer) -> None:
        def work(session: Session, staff: Staff) -> Filled:
            return canned.fill(session, answer.id, threads.conversation(session, self.talk.conversation_id), staff)

        chosen = await act("use_canned", work)
        if chosen and chosen.value is not None:
            self._place.set_visibility(False)
            await self._choose(chosen.value)
