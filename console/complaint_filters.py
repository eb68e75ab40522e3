"""What is listed of the complaints: kept in the page's address, so that it can be linked, reloaded and gone back to."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from enum import StrEnum
from typing import Any, TypeVar
from urllib.parse import urlencode

from nicegui import events, ui

from console import phrases
from console.language import _
from console.pieces import attribute, box, text
from console.visits import Visit
from crm.case_list import Counts, Filter, Group
from crm.models.care import ComplaintCategory, Severity
from crm.models.cases import Partner

Value = TypeVar("Value", bound=StrEnum)
ANYONE, ME, NOBODY = "", "me", "nobody"


def of_address(visit: Visit, given: dict[str, str]) -> Filter:
    """The filter that the page's address asks for; what makes no sense in it is left out."""
    owners = {ME: visit.visitor.staff_id, NOBODY: 0}
    partner = given.get("partner", "")
    return Filter(
        group=_value(Group, given.get("group", "")) or Group.OPEN,
        owner_id=owners.get(given.get("owner", "")),
        severity=_value(Severity, given.get("severity", "")),
        category=_value(ComplaintCategory, given.get("category", "")),
        partner_id=int(partner) if partner.isdecimal() and len(partner) < 12 else None,
        overdue=given.get("overdue") == "1",
        words=given.get("q", "")[:100],
    )


def _value(enum: type[Value], given: str) -> Value | None:
    return enum(given) if given in list(enum) else None


def address(wanted: Filter) -> str:
    """The page's address for the filter, from one's own point of view: somebody else's cases are nobody's link."""
    owner = "" if wanted.owner_id is None else ME if wanted.owner_id else NOBODY
    named = asdict(replace(wanted, owner_id=None, words="", partner_id=None, overdue=False))
    del named["begun_numbers"]  # who looks decides that, not the address
    given = {name: str(value) for name, value in named.items() if value is not None and value is not Group.OPEN}
    given |= {"owner": owner, "q": wanted.words, "partner": str(wanted.partner_id or "")}
    given["overdue"] = "1" if wanted.overdue else ""
    query = urlencode({name: value for name, value in given.items() if value})
    return "/complaints" + (f"?{query}" if query else "")


class FilterBar:
    """The filters over the list; `changed` hears of each choice. The search field is never drawn again."""

    def __init__(self, visit: Visit, wanted: Filter, changed: Callable[[Filter], Awaitable[None]]) -> None:
        self.visit, self.wanted, self._changed = visit, wanted, changed

    def build_groups(self) -> None:
        """The states to choose from; filled by `build`."""
        self._groups = box("tabs")

    def build(self, counts: Counts, partners: list[Partner]) -> None:
        """Everything else."""
        with box("case-filters"):
            search = ui.input(
                placeholder=_("Code, phone, customer or product"), value=self.wanted.words, on_change=self._search
            )
            search.props("outlined dense clearable debounce=250").classes("search case-search")
            attribute(search, aria_label=_("Search complaints"))
            self._owners = attribute(box("choice"), role="group", aria_label=_("Looked after by"))
            self._selects(partners)
        self.draw(counts)

    def draw(self, counts: Counts) -> None:
        """The choices that carry numbers, anew."""
        for place, fill in ((self._groups, self._draw_groups), (self._owners, self._draw_owners)):
            place.clear()
            with place:
                fill(counts)

    def _draw_groups(self, counts: Counts) -> None:
        numbers = {Group.OPEN: counts.open, Group.WAITING: counts.waiting}
        for group, words in (
            (Group.OPEN, _("Open")),
            (Group.WAITING, _("Waiting for the customer")),
            (Group.RESOLVED, _("Resolved")),
            (Group.CLOSED, _("Closed")),
            (Group.ALL, _("All")),
        ):
            on = self.wanted.group is group
            self._press("tab", words, on, replace(self.wanted, group=group, overdue=False), numbers.get(group))

    def _draw_owners(self, counts: Counts) -> None:
        me = self.visit.visitor.staff_id
        for words, owner, count in (
            (_("Anyone's"), None, None),
            (_("Mine"), me, counts.mine),
            (_("Nobody's"), 0, counts.nobodys),
        ):
            self._press("btn", words, self.wanted.owner_id == owner, replace(self.wanted, owner_id=owner), count)
        if self.wanted.group is Group.OPEN:
            turned = replace(self.wanted, overdue=not self.wanted.overdue)
            self._press(
                "btn", _("Overdue"), self.wanted.overdue, turned, counts.overdue, "late" if counts.overdue else ""
            )

    def _press(self, kind: str, words: str, on: bool, to: Filter, count: int | None, look: str = "") -> None:
        async def pressed() -> None:
            await self._change(to)

        choice = box(f"{kind} {'on' if on else ''}", "button").on("click", pressed)
        with attribute(choice, type="button", aria_pressed=str(on).lower()):
            text(words, tag="span")
            if count is not None:
                text(phrases.number(count), f"count {look}", "span")

    def _selects(self, partners: list[Partner]) -> None:
        levels = {each.value: phrases.word(each) for each in Severity}
        self._select(
            _("Any severity"),
            levels,
            self.wanted.severity,
            lambda to: replace(self.wanted, severity=Severity(to) if to else None),
        )
        kinds = {each.value: phrases.word(each) for each in ComplaintCategory}
        self._select(
            _("Any category"),
            kinds,
            self.wanted.category,
            lambda to: replace(self.wanted, category=ComplaintCategory(to) if to else None),
        )
        if partners:
            names = {str(each.id): each.name for each in partners}
            self._select(
                _("Any partner"),
                names,
                str(self.wanted.partner_id or ""),
                lambda to: replace(self.wanted, partner_id=int(to) if to else None),
            )

    def _select(
        self, anything: str, options: dict[str, str], value: StrEnum | str | None, to: Callable[[str], Filter]
    ) -> None:
        async def picked(event: events.ValueChangeEventArguments[Any]) -> None:
            await self._change(to(str(event.value or "")))

        chosen = str(value or "")
        select = ui.select({"": anything, **options}, value=chosen if chosen in options else "", on_change=picked)
        attribute(select.props("outlined dense options-dense").classes("case-select"), aria_label=anything)

    async def _search(self, event: events.ValueChangeEventArguments[Any]) -> None:
        await self._change(replace(self.wanted, words=str(event.value or "")[:100]))

    async def _change(self, to: Filter) -> None:
        if to != self.wanted:
            self.wanted = to
            ui.run_javascript(f"history.replaceState(null, '', {json.dumps(address(to))})")
            await self._changed(to)
