"""Finding one customer by name, accents or none, and choosing them."""

from collections.abc import Awaitable, Callable
from functools import partial

from nicegui import ui

from console import desk, phrases
from console.language import _
from console.pieces import attribute, box, button, text
from console.visits import current
from crm import customer_card, customer_contact
from crm.models.people import Customer, Tier

SHOWN = 6


class PersonChoice:
    """A search field with the people found under it; `on_choice` hears who was chosen."""

    def __init__(self, on_choice: Callable[[Customer], Awaitable[None]]) -> None:
        self._on_choice = on_choice
        with box("stack person-choice") as self._place:
            self._field = ui.input(placeholder=_("Search by name (accents not needed) or phone"), on_change=self._find)
            self._field.props("outlined dense clearable debounce=200").classes("search person-search")
            self._found = box("choice")

    def set_visibility(self, visible: bool) -> None:
        """Shows or hides the whole of it."""
        self._place.set_visibility(visible)

    async def _find(self) -> None:
        words = (self._field.value or "").strip()
        begun = customer_contact.sees_numbers(current().visitor.role)
        look = partial(customer_card.search, words=words, limit=SHOWN, begun_numbers=begun)
        found = await desk.look(look) if words else []
        if words != (self._field.value or "").strip():
            return
        self._found.clear()
        with self._found:
            for customer in found:
                self._offer(customer)
            if words and not found:
                text(_("Nobody found"), "dim")

    def _offer(self, customer: Customer) -> None:
        async def chosen() -> None:
            for element in self._found.default_slot.children:
                element.classes(remove="on")
            choice.classes(add="on")
            await self._on_choice(customer)

        tier = f" · {phrases.word(customer.tier)}" if customer.tier is not Tier.NONE else ""
        choice = attribute(button((customer.name or "?") + tier, chosen), data_person=str(customer.id))
