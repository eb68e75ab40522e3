"""The list of customers: searched without accents, narrowed down, page after page."""

from dataclasses import replace
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlencode

from nicegui import ui

from console import desk, guard, inbox, phrases
from console.access import PAGES
from console.frame import frame
from console.language import _
from console.pieces import attribute, avatar, box, empty, link, symbol, tabs, text
from console.visits import Visit
from crm import customer_contact, customer_list, duplicates, personal_data_requests
from crm.customer_list import Filter, Page
from crm.models.people import Customer, Purpose, Stage, Tier

Kind = TypeVar("Kind", bound=StrEnum)


@guard.page("/customers")
async def page(
    visit: Visit, q: str = "", tier: str = "", stage: str = "", agreed: str = "", name: str = "", after: int = 0
) -> None:
    """One page of the list; results follow the typing. `name` and `after` are where this page begins."""
    begun = customer_contact.sees_numbers(visit.visitor.role)
    wanted = Filter(q, _member(Tier, tier), _member(Stage, stage), _member(Purpose, agreed), begun)
    beginning = (name, after) if after else None
    with frame(visit, _("Customers"), await inbox.for_visitor(visit.visitor)):
        await _ways(visit)
        screen = List(wanted)
        await screen.show(beginning)


class List:
    """The search field and the page of results under it."""

    def __init__(self, wanted: Filter) -> None:
        self.wanted = wanted
        with box("tools customer-tools"):
            self._field = ui.input(
                placeholder=_("Search by name (accents not needed), phone or e-mail"), value=wanted.words
            )
            self._field.props("outlined dense clearable autofocus debounce=200").classes("search")
            with self._field.add_slot("prepend"):
                symbol("search")
            self._filters()
        self._place = box("stack")
        self._field.on_value_change(self._typed)

    def _filters(self) -> None:
        every = {"": _("Any tier")} | {each.value: phrases.word(each) for each in Tier}
        self._choice(every, self.wanted.tier, "tier")
        stages = {"": _("Any stage"), Stage.CURRENT.value: _("Customer"), Stage.PROSPECTIVE.value: _("Prospective")}
        self._choice(stages, self.wanted.stage, "stage")
        purposes = (Purpose.MARKETING, Purpose.GREETINGS)
        asked = {each.value: _("Agreed: {purpose}").format(purpose=phrases.word(each)) for each in purposes}
        self._choice({"": _("Any consent")} | asked, self.wanted.agreed, "agreed")

    def _choice(self, options: dict[str, str], chosen: Tier | Stage | Purpose | None, name: str) -> None:
        field = ui.select(options, value=chosen.value if chosen else "").props("outlined dense options-dense")
        attribute(field, aria_label=name).classes(f"filter filter-{name}")
        field.on_value_change(lambda event: ui.navigate.to(_address(self.wanted, **{name: event.value})))

    async def _typed(self) -> None:
        self.wanted = replace(self.wanted, words=self._field.value or "")
        await self.show(None)

    async def show(self, beginning: tuple[str, int] | None) -> None:
        """Draws the page that begins beyond `beginning`."""
        wanted = self.wanted
        found = await desk.look(lambda session: customer_list.page(session, wanted, beginning))
        if wanted is not self.wanted:  # an answer overtaken by more typing is not shown
            return
        self._place.clear()
        with self._place:
            _draw(found, wanted, first=beginning is None)


async def _ways(visit: Visit) -> None:
    """The two lists that wait for those who lead, where anything waits."""
    if visit.visitor.role not in PAGES["/privacy"]:
        return
    alike, asked = await desk.look(lambda s: (duplicates.count(s), personal_data_requests.count_open(s)))
    choices = [("list", _("All"), "/customers")]
    if alike:
        choices.append(("alike", _("Possible duplicates ({n})").format(n=alike), "/customers/duplicates"))
    if asked:
        choices.append(("privacy", _("Requests about data ({n})").format(n=asked), "/privacy"))
    if len(choices) > 1:
        tabs(choices, "list")


def _member(kind: type[Kind], value: str) -> Kind | None:
    return kind(value) if value in list(kind) else None


def _address(wanted: Filter, **change: str) -> str:
    asked = {
        "q": wanted.words,
        "tier": wanted.tier or "",
        "stage": wanted.stage or "",
        "agreed": wanted.agreed or "",
    } | change
    return "/customers?" + urlencode({name: str(value) for name, value in asked.items() if value})


def _draw(found: Page, wanted: Filter, *, first: bool) -> None:
    if not found.rows:
        empty(
            "person_search",
            _("Nobody found"),
            _("Try a part of the name, without accents, or the first digits of the phone.")
            if wanted.begun_numbers
            else _("Try a part of the name, without accents, or the whole phone number."),
        )
        return
    with box("card rows"):
        for customer in found.rows:
            _row(customer)
    with box("actions"):
        if not first:
            _turn(_("From the beginning"), _address(wanted))
        if found.next is not None:
            name, number = found.next
            _turn(_("Next page"), _address(wanted, name=name, after=str(number)))


def _turn(words: str, target: str) -> None:
    with link(target, "btn"):
        text(words, tag="span")


def _row(customer: Customer) -> None:
    with attribute(link(f"/customers/{customer.id}", "entry"), data_customer=str(customer.id)):
        avatar(customer.name)
        with box("row-main"):
            with box("row-head"):
                text(customer.name or _("No name yet"), "strong", "span")
                text(customer.address.value, "dim", "span")
                if customer.tier is not Tier.NONE:
                    text(phrases.word(customer.tier), f"tier {customer.tier.value}", "span")
            text(customer.occupation or "", "row-words")
        with box("row-end"):
            text(customer_contact.masked_phone(customer.phone), "mono")
            text(_("Customer") if customer.stage is Stage.CURRENT else _("Prospective"), "dim small")
