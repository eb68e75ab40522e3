"""Customers: a list to search in, accents or none, and each one's card."""

from nicegui import ui

from console import card, desk, guard, inbox, phrases
from console.frame import frame
from console.language import _
from console.pieces import attribute, avatar, box, empty, link, text
from console.visits import Visit
from crm import customer_card
from crm.models.people import Customer, Tier

MOST = 50


@guard.page("/customers")
async def page(visit: Visit) -> None:
    """The search; results follow the typing."""
    with frame(visit, _("Customers"), await inbox.for_visitor(visit.visitor)):
        field = ui.input(placeholder=_("Search by name (accents not needed) or phone"))
        field.props("outlined dense clearable autofocus debounce=200").classes("search")
        with field.add_slot("prepend"):
            ui.icon("search")
        place = box("stack")

    async def find() -> None:
        words = field.value or ""
        found = await desk.look(lambda session: customer_card.search(session, words, MOST))
        if words == (field.value or ""):  # an answer overtaken by more typing is not shown
            place.clear()
            with place:
                _draw(found)

    field.on_value_change(find)
    await find()


@guard.page("/customers/{customer_id:int}")
async def one(visit: Visit, customer_id: int) -> None:
    """One customer's card, and the way to their conversation."""
    about = await desk.look(lambda session: customer_card.card(session, customer_id))
    title = about.customer.name or _("No name yet")
    with frame(visit, title, await inbox.for_visitor(visit.visitor), back=(_("Customers"), "/customers")):
        if about.conversation_id is not None:
            with box("actions"), link(f"/conversations/{about.conversation_id}", "btn primary"):
                ui.icon("forum")
                text(_("Open the conversation"), tag="span")
        with box("card aside-card alone"):
            card.draw(about, linked=False)


def _draw(found: list[Customer]) -> None:
    if not found:
        empty(
            "person_search",
            _("Nobody found"),
            _("Try a part of the name, without accents, or the first digits of the phone."),
        )
        return
    with box("card rows"):
        for customer in found:
            _row(customer)
    if len(found) == MOST:
        text(_("The first {n} are shown. Type more to narrow it down.").format(n=MOST), "dim")


def _row(customer: Customer) -> None:
    with attribute(link(f"/customers/{customer.id}", "entry"), data_customer=str(customer.id)):
        avatar(customer.name)
        with box("row-main"), box("row-head"):
            text(customer.name or _("No name yet"), "strong", "span")
            text(customer.address.value, "dim", "span")
            if customer.tier is not Tier.NONE:
                text(phrases.word(customer.tier), f"tier {customer.tier.value}", "span")
        with box("row-end"):
            text(phrases.phone(customer.phone), "mono")
