"""The inbox: queues as tabs with live counts, filters, search, and what can be done to a line at once."""

import asyncio
import json
from dataclasses import dataclass, field, replace
from functools import partial
from urllib.parse import urlencode

from fastapi import APIRouter
from nicegui import ui
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from console import (
    desk,
    guard,
    inbox,
    inbox_alerts,
    inbox_assign,
    inbox_filters,
    inbox_keys,
    inbox_results,
    inbox_rows,
    notices,
)
from console.access import ACTIONS, FILES
from console.desk import act
from console.frame import frame
from console.inbox_filters import FilterBar
from console.language import _
from console.phrases import word
from console.pieces import Canvas, attribute, box, button, empty, symbol, text
from console.pulse import QUEUE, pulse
from console.visits import Visit, Visitor, visitor_of
from crm import availability, customer_contact, escalations, inbox_found
from crm.inbox import Counts, Filters, Page, Queue, counts, page
from crm.inbox_found import Found
from crm.models.inbox import StaffDesk
from crm.models.staff import Staff

REDRAW_S = 20.0
SHORTEST = 2  # letters from which on is searched
# One listener hears every button of the list: which one, and for which call.
WHICH = """(e) => {
    const button = e.target.closest("[data-do]");
    if (button) { e.preventDefault(); emit({what: button.dataset.do, call: Number(button.dataset.call || 0)}); }
}"""
router = APIRouter()
_OLD = "/queue"


@router.get(_OLD)
async def old_address(request: Request) -> Response:
    """Where the list of waiting calls used to be."""
    visitor = visitor_of(request)
    if visitor is None or visitor.role not in FILES[_OLD]:
        return notices.denied()
    return RedirectResponse("/inbox", 303)


@dataclass(frozen=True)
class Asked:
    """What the page shows. `after`: the key of the page of the queue; `before`: that of the search."""

    queue: Queue = Queue.UNASSIGNED
    filters: Filters = field(default_factory=Filters)
    words: str = ""
    after: str = ""
    before: int | None = None

    @property
    def searches(self) -> bool:
        """Whether something is looked for, instead of a queue shown."""
        return len(self.words.strip()) >= SHORTEST

    @property
    def address(self) -> str:
        """Where the same is shown again."""
        values = {"queue": self.queue.value, **inbox_filters.written(self.filters), "q": self.words}
        return "/inbox?" + urlencode({name: value for name, value in values.items() if value})


@dataclass(frozen=True)
class Sight:
    counts: Counts
    page: Page | None
    found: Found | None


def see(session: Session, visitor: Visitor, asked: Asked) -> Sight:
    """What `asked` shows now."""
    numbers = counts(session, visitor.staff_id)
    if asked.searches:
        begun = customer_contact.sees_numbers(visitor.role)
        found = inbox_found.look_for(session, asked.words, before=asked.before, begun_numbers=begun)
        return Sight(numbers, None, found)
    return Sight(numbers, page(session, visitor.staff_id, asked.queue, asked.filters, asked.after), None)


@guard.page("/inbox")
async def show(
    visit: Visit,
    queue: str = "",
    reason: str = "",
    tier: str = "",
    holder: str = "",
    unread: str = "",
    since: str = "",
    q: str = "",
) -> None:
    """The list, drawn at once as the address says; what it does not understand it leaves out."""
    filters = inbox_filters.read(reason, tier, holder, unread, since)

    def look(session: Session) -> tuple[Asked, Sight, list[Staff], StaffDesk]:
        me = visit.visitor.staff_id
        chosen = Queue(queue) if queue in list(Queue) else _first(counts(session, me))
        asked = Asked(chosen, filters, q[:200])
        return asked, see(session, visit.visitor, asked), availability.carers(session), availability.look(session, me)

    asked, sight, colleagues, mine = await desk.look(look)
    with frame(visit, _("Inbox"), await inbox.for_visitor(visit.visitor)):
        screen = Screen(visit, asked)
        screen.build(colleagues, mine)
    screen.show(sight)
    pulse.subscribe(visit, QUEUE, screen.refresh)
    visit.every(REDRAW_S, screen.refresh)  # the clocks go on counting


def _first(numbers: Counts) -> Queue:
    """The queue to begin with: what waits for me, if anything does."""
    return Queue.FOR_ME if numbers.for_me else Queue.UNASSIGNED


class Screen:
    """The parts of the page, and what it shows."""

    def __init__(self, visit: Visit, asked: Asked) -> None:
        self.visit, self.asked = visit, asked
        self.leads = visit.visitor.role in ACTIONS["assign_conversation"]
        self._looking = asyncio.Lock()

    def build(self, colleagues: list[Staff], mine: StaffDesk) -> None:
        with box("stack inbox-page leads" if self.leads else "stack inbox-page") as whole:
            with box("inbox-top"):
                self.search = ui.input(value=self.asked.words, on_change=self._search)
                self.search.props("outlined dense clearable debounce=200").classes("search inbox-search")
                self.search.props["placeholder"] = _("Search names, phones, codes and what was said (press /)")
                with self.search.add_slot("prepend"):
                    symbol("search")
                inbox_alerts.switches(mine)
                inbox_keys.button()
            self.tabs = Canvas("inbox-tabs tabs")
            attribute(self.tabs.place, role="tablist", aria_label=_("Queues"))
            self.filters = FilterBar(self.asked.filters, colleagues, self._filter)
            self.lines = inbox_rows.Rows()
            self.rest = Canvas("stack")
        whole.on("click", self._pressed, js_handler=WHICH)

    async def refresh(self) -> None:
        """Looks again and changes what changed."""
        async with self._looking:  # an older look must not be drawn over a newer one
            asked = self.asked
            sight = await desk.look(lambda session: see(session, self.visit.visitor, asked))
            if asked == self.asked:  # else the next look is on its way
                self.show(sight)

    def show(self, sight: Sight) -> None:
        """Draws what changed."""
        asked, me = self.asked, self.visit.visitor.staff_id
        self.tabs.show((asked.queue, asked.searches, sight.counts), lambda: self._draw_tabs(sight.counts))
        self.filters.place.set_visibility(not asked.searches)
        lines = sight.page.lines if sight.page is not None else []
        self.lines.place.set_visibility(bool(lines))
        self.lines.show(
            [
                (
                    line.conversation_id,
                    inbox_rows.shown(line, me, self.leads),
                    "inbox-row unread" if line.unread else "inbox-row",
                    partial(inbox_rows.draw_whole, line, me, self.leads),
                )
                for line in lines
            ]
        )
        more = sight.page.after if sight.page is not None else None
        self.rest.show((asked, bool(lines), more, sight.found), lambda: self._draw_rest(sight, more))

    def _draw_tabs(self, numbers: Counts) -> None:
        for place, queue in enumerate(Queue, 1):
            on = queue is self.asked.queue and not self.asked.searches
            tab = attribute(box("tab on" if on else "tab", "button"), type="button", role="tab", data_do=queue.value)
            attribute(tab, aria_selected="true" if on else "false", data_number=str(place))
            with tab:
                text(word(queue), tag="span")
                text(str(numbers.of(queue)), "count", "span")
            if queue is Queue.RESOLVED:
                attribute(tab, title=_("The number counts today's."))

    def _draw_rest(self, sight: Sight, more: str | None) -> None:
        if sight.found is not None:
            inbox_results.draw(sight.found, self.asked.words, self.asked.before is not None)
        elif not (sight.page and sight.page.lines):
            self._draw_empty()
        if self.asked.after or more:
            with box("actions inbox-pages"):
                if self.asked.after:
                    attribute(button(_("Back to the start"), self._start, "", "first_page"), data_do="start")
                if more:
                    attribute(button(_("Next page"), lambda: self._page(more), "", "navigate_next"), data_do="next")

    def _draw_empty(self) -> None:
        if self.asked.filters != Filters():
            with box("stack inbox-none"):
                empty("filter_alt_off", _("Nothing here with these filters"), _("Take one off to see more."))
                with box("actions"):
                    button(_("Show all again"), self._unfilter, "", "filter_alt_off")
            return
        hints = {
            Queue.FOR_ME: _("Whoever waits for your answer, and where a colleague calls you, appears here."),
            Queue.UNASSIGNED: _("New conversations appear here by themselves. You can leave this page open."),
            Queue.MINE: _("Take a conversation under “{queue}” and it stands here until you hand it back."),
            Queue.ALL: _("All conversations that are with people appear here."),
            Queue.RESOLVED: _("What is handed back to the assistant stands here, the newest first."),
        }
        title = _("Nobody is waiting") if self.asked.queue is not Queue.RESOLVED else _("Nothing settled yet")
        empty("done_all", title, hints[self.asked.queue].replace("{queue}", word(Queue.UNASSIGNED)))

    async def _turn(self, asked: Asked) -> None:
        """Shows something else, at the address that leads to it."""
        self.asked = asked
        self.visit.client.run_javascript(f"history.replaceState(null, '', {json.dumps(asked.address)})")
        await self.refresh()

    async def _search(self) -> None:
        await self._turn(replace(self.asked, words=(self.search.value or "")[:200], after="", before=None))

    async def _filter(self, filters: Filters) -> None:
        await self._turn(replace(self.asked, filters=filters, after=""))

    async def _unfilter(self) -> None:
        self.filters.clear()
        await self._filter(Filters())

    async def _start(self) -> None:
        await self._turn(replace(self.asked, after=""))

    async def _page(self, key: str) -> None:
        await self._turn(replace(self.asked, after=key))

    async def _pressed(self, event: object) -> None:
        pressed: dict[str, object] = getattr(event, "args", {})
        what, call_id = str(pressed.get("what", "")), int(str(pressed.get("call", 0)))
        if what in list(Queue):
            self.search.value = ""
            await self._turn(replace(self.asked, queue=Queue(what), words="", after="", before=None))
        elif what == "older" and call_id:
            await self._turn(replace(self.asked, before=call_id))
        elif what == "claim" and await act("claim", lambda db, staff: escalations.claim(db, call_id, staff).id):
            mine = _("It is yours, and stands under “{queue}” (key 3).").replace("{queue}", word(Queue.MINE))
            ui.notify(mine, type="positive", position="top", timeout=3000)
            await self._changed()
        elif what == "assign" and self.leads and await inbox_assign.ask(self.visit, call_id):
            await self._changed()

    async def _changed(self) -> None:
        await self.refresh()
        pulse.poke()
