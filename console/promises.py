"""Promises to customers: the open ones by due time, and what became of the others."""

from sqlalchemy.orm import Session

from console import desk, guard, inbox, phrases
from console.frame import frame
from console.language import _, plural
from console.pieces import Canvas, box, button, empty, tabs, text
from console.promise_rows import Acts, draw, shown
from console.pulse import PROMISES, pulse
from console.visits import Visit
from crm import promise_list
from crm.models.service import PromiseState
from crm.promise_list import Counts, Line

REDRAW_S = 30.0


class Page:
    """What stands on the page: the lines read so far, the numbers above them, and what was just done."""

    def __init__(self, visit: Visit, state: PromiseState) -> None:
        self.visit, self.state = visit, state
        self.lines: list[Line] = []
        self.pages = 1
        self.more = False

    def build(self) -> None:
        """Makes the places to draw in."""
        self._tabs = Canvas("promise-tabs")
        self._summary = Canvas("")
        self._undo = Canvas("promise-offer")
        self._place = Canvas("stack")
        self._acts = Acts(self._undo, self.news)

    async def news(self) -> None:
        """Reads again and draws what has changed."""
        wanted = self.pages * promise_list.PAGE

        def look(session: Session) -> tuple[Counts, list[Line]]:
            return promise_list.counts(session), promise_list.page(session, self.state, limit=wanted + 1)

        counts, found = await desk.look(look)
        self.lines, self.more = found[:wanted], len(found) > wanted
        self._tabs.show(counts, lambda: self._draw_tabs(counts))
        self._summary.show(counts, lambda: _draw_summary(counts))
        self._place.show((self.more, [shown(line) for line in self.lines]), self._draw_lines)

    def _draw_tabs(self, counts: Counts) -> None:
        choices = [
            (PromiseState.OPEN, _("Still open"), counts.open),
            (PromiseState.BROKEN, _("Broken"), counts.broken),
            (PromiseState.KEPT, _("Kept"), counts.kept),
            (PromiseState.WITHDRAWN, _("Withdrawn"), counts.withdrawn),
        ]
        tabs(
            [
                (state.value, f"{words} ({phrases.number(count)})", f"/promises?state={state.value}")
                for state, words, count in choices
            ],
            self.state.value,
        )

    def _draw_lines(self) -> None:
        if not self.lines:
            empty("handshake", *_nothing(self.state))
            return
        with box("card rows"):
            for line in self.lines:
                draw(line, self._acts)
        if self.more:
            with box("actions promise-more"):
                button(_("Show more"), self._show_more)

    async def _show_more(self) -> None:
        self.pages += 1
        await self.news()


@guard.page("/promises")
async def page(visit: Visit, state: str = "") -> None:
    """The list, of `state` (a value of PromiseState; anything else shows the open ones)."""
    chosen = PromiseState(state) if state in list(PromiseState) else PromiseState.OPEN
    with frame(visit, _("Promises"), await inbox.for_visitor(visit.visitor)):
        shown_page = Page(visit, chosen)
        shown_page.build()
        await shown_page.news()
    pulse.subscribe(visit, PROMISES, shown_page.news)
    visit.every(REDRAW_S, shown_page.news)


def _draw_summary(counts: Counts) -> None:
    share = counts.share_kept
    with box("promise-sum"):
        if counts.over:
            text(plural("{n} is past its time", "{n} are past their time", counts.over), "pill bad", "span")
        if counts.near:
            text(plural("{n} is due within the hour", "{n} are due within the hour", counts.near), "pill warn", "span")
        if share is None:
            text(_("No promise fell due in the last 30 days."), "dim", "span")
            return
        text(_("{share} % kept in the last 30 days").format(share=round(100 * share)), "strong", "span")
        on_time = plural("{n} of them by the first time", "{n} of them by the first time", counts.on_time)
        text(on_time, "dim", "span")


def _nothing(state: PromiseState) -> tuple[str, str]:
    known = {
        PromiseState.OPEN: (
            _("No promise is open"),
            _("Whatever the assistant or a colleague promises a customer, with a time, waits here until it is kept."),
        ),
        PromiseState.BROKEN: (
            _("No promise was broken"),
            _("A promise whose time passes without an answer comes here."),
        ),
        PromiseState.KEPT: (_("Nothing here yet"), _("Promises that were kept by an answer come here.")),
        PromiseState.WITHDRAWN: (_("Nothing here yet"), _("Promises that were no longer needed come here.")),
    }
    return known[state]
