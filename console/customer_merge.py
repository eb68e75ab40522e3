"""Records that may be one person's: the list of pairs, and two of them side by side to be made one."""

from nicegui import ui
from sqlalchemy.orm import Session

from console import desk, guard, inbox, phrases
from console.customer_page import field_name, shown_value
from console.desk import act
from console.dialogs import confirmed
from console.frame import frame
from console.language import _
from console.pieces import attribute, avatar, box, button, empty, link, pill, symbol, text
from console.visits import Visit
from crm import clock, customer_card, customer_edits, duplicates, housekeeping, merges
from crm.customer_card import Card
from crm.errors import NotFound
from crm.models.people import Customer
from crm.models.privacy import DuplicatePair, PairState
from crm.models.staff import Staff
from crm.personal_data_watch import DUPLICATES


@guard.page("/customers/duplicates")
async def listing(visit: Visit, after: int = 0) -> None:
    """The pairs that nobody has decided."""
    pairs = await desk.look(lambda session: duplicates.listing(session, after))
    back = (_("Customers"), "/customers")
    with frame(visit, _("Possible duplicates"), await inbox.for_visitor(visit.visitor), back=back):
        with box("tools"):
            text(_("They are looked for every night. A pair that is not one person does not come back."), "dim")
            button(_("Look now"), _look, "", "search")
        if not pairs:
            empty("verified", _("No two records look like one person"), _("New ones show here by themselves."))
        else:
            with box("card rows"):
                for pair in pairs:
                    _pair(pair)
        if len(pairs) == 50:
            with box("actions"), link(f"/customers/duplicates?after={pairs[-1].id}", "btn"):
                text(_("Next page"), tag="span")


async def _look() -> None:
    def work(session: Session, _staff: Staff) -> int:
        found = duplicates.find(session)
        noted = housekeeping.begin(session, DUPLICATES, clock.now())
        noted.counts, noted.finished_at = {"found": found}, clock.now()
        return found

    outcome = await act("merge_customers", work)
    if outcome:
        ui.navigate.to("/customers/duplicates")


def _pair(pair: DuplicatePair) -> None:
    with attribute(box("entry pair-row"), data_pair=str(pair.id)):
        with box("row-main pair"):
            for each in (pair.first, pair.second):
                with link(f"/customers/{each.id}", "pair-one plain"):
                    avatar(each.name)
                    text(each.name or _("No name yet"), "strong clip", "span")
        with box("row-side"):
            pill(phrases.word(pair.reason), "warn")
        with box("actions"):
            with link(f"/customers/merge/{pair.first_id}/{pair.second_id}", "btn"):
                text(_("Compare the two"), tag="span")

            async def dismiss() -> None:
                if await act(
                    "merge_customers",
                    lambda session, staff: duplicates.move(session, pair.id, PairState.DISMISSED, staff),
                ):
                    ui.navigate.to("/customers/duplicates")

            button(_("Not one person"), dismiss, "quiet")


def _see(session: Session, first: int, second: int) -> tuple[list[Card], list[dict[str, object]]]:
    cards = [customer_card.card(session, number) for number in (first, second)]
    if first == second or any(each.customer.gone_at is not None for each in cards):
        raise NotFound(f"customers {first}, {second}")
    return cards, [customer_edits.values(session, each.customer) for each in cards]


@guard.page("/customers/merge/{first:int}/{second:int}")
async def compare(visit: Visit, first: int, second: int) -> None:
    """Two records side by side; of each field one value is chosen."""
    cards, values = await desk.look(lambda session: _see(session, first, second))
    back = (_("Possible duplicates"), "/customers/duplicates")
    with frame(visit, _("One person or two?"), await inbox.for_visitor(visit.visitor), back=back):
        Choice(visit, cards, values)


class Choice:
    """Which record is kept (the left one), and which values come from the right one."""

    def __init__(self, visit: Visit, cards: list[Card], values: list[dict[str, object]]) -> None:
        self._visit, self._cards = visit, cards
        self._taken: dict[str, str] = {}
        self._cells: dict[tuple[str, str], ui.element] = {}
        kept, gone = (each.customer for each in cards)
        with box("card pad stack"):
            text(_("The record at the left is kept; chats, orders, complaints and consents of both go there."), "dim")
            with box("merge-grid"):
                text("", tag="span")
                _name(kept)
                _name(gone)
                for field in merges.CHOOSABLE:
                    self._field(field, values)
                self._holdings()
            with box("actions"):
                button(_("Make them one"), self._merge, "primary", "call_merge")
                with link(f"/customers/merge/{gone.id}/{kept.id}", "btn"):
                    symbol("swap_horiz")
                    text(_("Keep the other one"), tag="span")

    def _field(self, field: str, values: list[dict[str, object]]) -> None:
        mine, theirs = (each[field] for each in values)
        if mine == theirs:
            return
        text(field_name(field), "fact-name", "span")
        better = "theirs" if merges.lacks(mine, theirs) else "mine"
        for place, value in (("mine", mine), ("theirs", theirs)):
            words = shown_value(field, value, masked=False)
            with attribute(box("merge-value on" if place == better else "merge-value", "button")) as cell:
                attribute(cell, type="button", data_field=field, data_place=place)
                attribute(cell, aria_pressed="true" if place == better else "false")
                text(words, tag="span")
            self._cells[field, place] = cell
            cell.on("click", lambda _event, field=field, place=place: self._choose(field, place))
        self._taken[field] = better

    def _choose(self, field: str, place: str) -> None:
        self._taken[field] = place
        for other in ("mine", "theirs"):
            cell = self._cells[field, other]
            cell.classes(add="on") if other == place else cell.classes(remove="on")
            attribute(cell, aria_pressed="true" if other == place else "false")
            cell.update()

    def _holdings(self) -> None:
        text(_("Holds"), "fact-name", "span")
        for each in self._cards:
            parts = [
                _("{n} chats").format(n=len(each.chats)),
                _("{n} orders").format(n=len(each.purchases)),
                _("{n} open complaints").format(n=len(each.open_complaints)),
            ]
            text(" · ".join(parts), "dim", "span")

    async def _merge(self) -> None:
        kept, gone = (each.customer for each in self._cards)
        take = {field for field, place in self._taken.items() if place == "theirs"}
        versions = (kept.version, gone.version)
        with self._visit.client:
            words = _("A refusal of advertising on either side holds for both. It can be taken back within a day.")
            if not await confirmed(_("Make the two records one?"), words, _("Make them one")):
                return
            outcome = await act(
                "merge_customers",
                lambda session, staff: merges.merge(session, kept.id, gone.id, staff, versions=versions, take=take).id,
            )
            if outcome:
                ui.navigate.to(f"/customers/{kept.id}")


def _name(customer: Customer) -> None:
    with link(f"/customers/{customer.id}", "pair-one plain"):
        avatar(customer.name)
        text(customer.name or _("No name yet"), "strong", "span")
