"""Changing a customer's record: a form in a dialog, checked by the CRM, refused where somebody was quicker."""

from typing import Any

from nicegui import ui

from console import phrases
from console.desk import act
from console.language import _
from console.pieces import attribute, box, button, text
from crm import customer_edits
from crm.birthdays import birthday_in
from crm.customer_card import Card
from crm.models.people import Address, CalendarKind, Customer, CustomerKind, Occasion, Stage, Tier

WORDS = ("occupation", "household", "means", "habits")


async def edit(card: Card, shown: bool) -> bool:
    """Opens the form; True when the record was changed. `shown`: whether phone and e-mail may be seen."""
    form = Form(card, shown)
    changed = await form.dialog
    if not form.dialog.is_deleted:
        form.dialog.delete()
    return bool(changed)


class Form:
    """The fields of one record, as it was when the form was opened."""

    def __init__(self, card: Card, shown: bool) -> None:
        self._customer = card.customer
        self._fields: dict[str, Any] = {}
        self._birthday = written(card.birthday)
        with ui.dialog() as self.dialog, attribute(box("card pad stack customer-form"), role="dialog") as whole:
            attribute(whole, aria_label=_("Customer's record"))
            text(_("Customer's record"), "section-title", "h3")
            with box("form-grid"):
                self._build(card.customer, shown)
            with box("actions ends"):
                button(_("Go back"), self._leave)
                button(_("Save"), self._save, "primary", "check")
        self.dialog.open()

    def _build(self, customer: Customer, shown: bool) -> None:
        self._text("name", _("Full name"), customer.name)
        self._choice("address", _("Address as"), {each.value: each.value for each in Address}, customer.address.value)
        if shown or not customer.phone:
            self._text("phone", _("Phone"), customer.phone or "")
        if shown or not customer.email:
            self._text("email", _("E-mail"), customer.email or "")
        hint = _("15/8/1990, or 15/8/1990 lunar")
        self._text("birthday", _("Birthday"), self._birthday).props(f'hint="{hint}"')
        self._choice("tier", _("Tier"), {each.value: phrases.word(each) for each in Tier}, customer.tier.value)
        stages = {Stage.CURRENT.value: _("Customer"), Stage.PROSPECTIVE.value: _("Prospective")}
        self._choice("stage", _("Stage"), stages, customer.stage.value)
        kinds = {each.value: phrases.word(each) for each in CustomerKind}
        self._choice("kind", _("Kind of customer"), kinds, customer.kind.value)
        for name, label in zip(WORDS, (_("Occupation"), _("Household"), _("Means"), _("Habits")), strict=True):
            self._text(name, label, getattr(customer, name) or "")

    def _text(self, name: str, label: str, value: str) -> ui.input:
        field = ui.input(label, value=value).props("outlined dense maxlength=2000").classes(f"form-{name}")
        self._fields[name] = field
        return field

    def _choice(self, name: str, label: str, options: dict[str, str], value: str) -> None:
        field = ui.select(options, label=label, value=value).props("outlined dense").classes(f"form-{name}")
        self._fields[name] = field

    async def _leave(self) -> None:
        self.dialog.submit(False)

    async def _save(self) -> None:
        wanted = {name: field.value for name, field in self._fields.items()}
        said = (wanted.pop("birthday") or "").strip()
        if said != self._birthday:
            wanted["birthday"] = parsed(said)
        number, version = self._customer.id, self._customer.version
        outcome = await act(
            "edit_customer", lambda session, staff: customer_edits.change(session, number, wanted, version, staff)
        )
        if outcome:
            ui.notify(_("Saved.") if outcome.value else _("Nothing was changed."), position="top")
            self.dialog.submit(outcome.value is not None)


def written(day: Occasion | None) -> str:
    """A birthday as it is typed: 15/8/1990, with the word for lunar behind it."""
    if day is None:
        return ""
    figures = f"{day.day}/{day.month}" + (f"/{day.year}" if day.year else "")
    return f"{figures} {_('lunar')}" if day.calendar is CalendarKind.LUNAR else figures


def parsed(said: str) -> Any:
    """What was typed, as crm.customer_edits takes it; a day that never comes where it cannot be read."""
    if not said:
        return None
    lunar = _("lunar") in said.lower()
    found = birthday_in(said)
    if found is None:
        return {"calendar": CalendarKind.SOLAR.value, "day": 0, "month": 0, "year": None}
    calendar = CalendarKind.LUNAR if lunar else found.calendar
    return {"calendar": calendar.value, "day": found.day, "month": found.month, "year": found.year}
