"""Complaints as a list: the clock that runs out first on top, filtered, searched, live."""

from dataclasses import dataclass, replace

import htpy as h
from nicegui import events, ui
from sqlalchemy.orm import Session

from console import desk, guard, inbox
from console.access import PAGES
from console.complaint_clocks import shown as shown_clocks
from console.complaint_filters import FilterBar, of_address
from console.complaint_rows import is_late, row, shown
from console.frame import frame
from console.language import _
from console.painted import paint
from console.pieces import Canvas, box, button, empty, link, symbol, text
from console.pulse import COMPLAINTS, pulse
from console.visits import Visit
from crm import case_list, case_sight, customer_contact, partners, service_levels
from crm.case_list import Counts, Filter, Page
from crm.models.care import Complaint
from crm.models.cases import Partner
from crm.service_levels import ClockView

__all__ = ["is_late", "row", "shown"]  # named here because the first page says `complaints.row`

REDRAW_S = 60.0
NEXT = 5
# Up and down the list by arrows or j and k, as in the inbox.
STEP = """{
    const rows = [...document.querySelectorAll('.complaint-row')];
    const at = rows.indexOf(document.activeElement);
    const next = rows[Math.max(0, Math.min(rows.length - 1, at + BY))] || rows[0];
    if (next) next.focus();
}"""


@dataclass(frozen=True)
class Sight:
    """One page of the list as it is now. `names`: staff by number."""

    page: Page
    clocks: dict[int, list[ClockView]]
    names: dict[int, str]
    counts: Counts


def _see(session: Session, wanted: Filter, after: str, staff_id: int) -> Sight:
    page = case_list.page(session, wanted, after)
    clocks = service_levels.clocks_of_cases(session, [complaint.id for complaint in page.rows])
    names = case_sight.names(session, {complaint.owner_id for complaint in page.rows})
    return Sight(page, clocks, names, case_list.counts(session, staff_id))


@guard.page("/complaints")
async def page(
    visit: Visit,
    group: str = "",
    owner: str = "",
    severity: str = "",
    category: str = "",
    partner: str = "",
    overdue: str = "",
    q: str = "",
) -> None:
    """The list as the address asks for it; whatever makes no sense there is left out."""
    given = {"group": group, "owner": owner, "severity": severity, "category": category}
    given |= {"partner": partner, "overdue": overdue, "q": q}
    listing = Listing(visit, of_address(visit, given))
    sight = await desk.look(listing.see)
    known = await desk.look(partners.active)
    with frame(visit, _("Complaints"), await inbox.for_visitor(visit.visitor)):
        listing.build(sight, known)
    pulse.subscribe(visit, COMPLAINTS, listing.news)
    visit.every(REDRAW_S, listing.news)


class Listing:
    """The filters and one page of what they leave."""

    def __init__(self, visit: Visit, wanted: Filter) -> None:
        self.visit, self.after = visit, ""
        self.filters = FilterBar(visit, wanted, self._filtered)
        self._drawn = wanted
        self.sight: Sight | None = None

    def see(self, session: Session) -> Sight:
        """Looks at the page that is shown."""
        visitor = self.visit.visitor
        wanted = replace(self.filters.wanted, begun_numbers=customer_contact.sees_numbers(visitor.role))
        return _see(session, wanted, self.after, visitor.staff_id)

    def build(self, sight: Sight, known: list[Partner]) -> None:
        with box("tools"):
            self.filters.build_groups()
            with box("actions"):
                self._build_ways()
        self.filters.build(sight.counts, known)
        self.place = Canvas("stack")
        self.foot = Canvas("actions")
        ui.keyboard(self._key, ignore=["input", "select", "textarea"])
        self._show(sight)

    def _build_ways(self) -> None:
        _to("/partners", "handshake", _("Partners"))
        if self.visit.visitor.role in PAGES["/recovery"]:
            _to("/recovery", "volunteer_activism", _("Winning back"))

    async def news(self) -> None:
        """Something happened to some case: look again."""
        self._show(await desk.look(self.see))

    async def _filtered(self, _wanted: Filter) -> None:
        self.after = ""
        await self.news()

    def _show(self, sight: Sight) -> None:
        if self.sight is None or sight.counts != self.sight.counts or self.filters.wanted != self._drawn:
            self.filters.draw(sight.counts)
            self._drawn = self.filters.wanted
        self.sight = sight
        rows = sight.page.rows
        clocks = [shown_clocks(sight.clocks.get(complaint.id, [])) for complaint in rows]
        self.place.show(([shown(complaint) for complaint in rows], clocks), lambda: self._draw(sight))
        self.foot.show((sight.page.next, self.after), lambda: self._draw_foot(sight.page))

    def _draw(self, sight: Sight) -> None:
        if not sight.page.rows:
            with box("card"):
                self._draw_empty()
            return
        paint([self._row(sight, complaint) for complaint in sight.page.rows], "card rows")

    def _row(self, sight: Sight, complaint: Complaint) -> h.Node:
        owner = sight.names.get(complaint.owner_id or 0, "")
        return row(complaint, sight.clocks.get(complaint.id, []), owner)

    def _draw_empty(self) -> None:
        if self.filters.wanted == Filter():
            empty(
                "sentiment_satisfied",
                _("No complaint is open"),
                _("A complaint that a customer makes in the chat appears here at once."),
            )
        else:
            empty(
                "filter_alt", _("Nothing matches"), _("Choose fewer filters, or search by a part of the name or code.")
            )

    def _draw_foot(self, page: Page) -> None:
        if self.after:
            button(_("Back to the top"), self._first, "", "first_page")
        if page.next is not None:
            button(_("Next page"), self._next, "", "chevron_right")

    async def _first(self) -> None:
        self.after = ""
        await self.news()

    async def _next(self) -> None:
        self.after = (self.sight.page.next or "") if self.sight else ""
        await self.news()

    def _key(self, pressed: events.KeyEventArguments) -> None:
        if not pressed.action.keydown or pressed.modifiers.ctrl or pressed.modifiers.alt or pressed.modifiers.meta:
            return
        if pressed.key == "/":
            ui.run_javascript("document.querySelector('.case-search input').focus()")
        elif pressed.key.arrow_down or pressed.key == "j":
            ui.run_javascript(STEP.replace("BY", "1"))
        elif pressed.key.arrow_up or pressed.key == "k":
            ui.run_javascript(STEP.replace("BY", "-1"))


def _to(target: str, icon: str, words: str) -> None:
    with link(target, "btn"):
        symbol(icon)
        text(words, tag="span")


def next_due(session: Session) -> list[Complaint]:
    """The open complaints whose clock runs out first."""
    return case_list.nearest(session, NEXT)
