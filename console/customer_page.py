"""One customer's own page: the card, what was changed, records that may be theirs too, and their rights."""

from enum import StrEnum

from nicegui import ui
from sqlalchemy.orm import Session

from console import card, desk, guard, inbox, phrases
from console.access import ACTIONS, PAGES
from console.customer_rights import Rights
from console.desk import act
from console.dialogs import confirmed
from console.frame import frame
from console.language import _
from console.pieces import box, button, empty, link, moment, pill, section, symbol, text
from console.visits import Visit
from crm import customer_card, customer_contact, customer_edits, merges
from crm.customer_card import Card
from crm.models.people import CustomerKind, Stage, Tier
from crm.models.privacy import CustomerEdit, DuplicatePair

History = list[tuple[CustomerEdit, str]]


def _see(session: Session, customer_id: int) -> tuple[Card, History]:
    found = customer_card.card(session, customer_id)
    return found, customer_edits.history(session, found.customer.id)


@guard.page("/customers/{customer_id:int}")
async def page(visit: Visit, customer_id: int) -> None:
    """The card at the left; at the right what is done with the record."""
    about, changes = await desk.look(lambda session: _see(session, customer_id))
    title = about.customer.name or _("No name yet")
    with frame(visit, title, await inbox.for_visitor(visit.visitor), back=(_("Customers"), "/customers")):
        if about.conversation_id is not None:
            with box("actions"), link(f"/conversations/{about.conversation_id}", "btn primary"):
                symbol("forum")
                text(_("Open the conversation"), tag="span")
        with box("customer-desk"):
            with box("card aside-card alone"):
                panel = card.draw(about, linked=False)
            with box("stack"):
                _merged(visit, about)
                if about.alike:
                    _alike(visit, about)
                if about.customer.gone_at is None:
                    Rights(visit, about, panel.refresh)
                with box("card pad"):
                    _history(changes)


def _merged(visit: Visit, about: Card) -> None:
    """The merge that can still be taken back."""
    merge = about.merge
    if merge is None:
        return

    async def undo() -> None:
        title, words = (
            _("Take the merge back?"),
            _("Both records become again what they were; a refusal stays with both."),
        )
        with visit.client:
            if not await confirmed(title, words, _("Take it back")):
                return
            if await act("merge_customers", lambda session, staff: merges.undo(session, merge.id, staff).gone_id):
                ui.navigate.to(f"/customers/{about.customer.id}")

    with box("notice info"):
        symbol("call_merge")
        with box("row-main"):
            text(_("Merged with another record, {time}").format(time=phrases.when(merge.at)))
            text(_("It can be taken back within a day."), "small dim")
        if visit.visitor.role in ACTIONS["merge_customers"]:
            button(_("Take it back"), undo, "", "undo")


def _alike(visit: Visit, about: Card) -> None:
    led = visit.visitor.role in PAGES["/customers/merge/{first:int}/{second:int}"]
    with box("card pad"), section(_("May be the same person")):
        for pair in about.alike:
            _other(pair, about.customer.id, led)
        if not led:
            text(_("The leads decide whether records are made one."), "small dim")


def _other(pair: DuplicatePair, customer_id: int, led: bool) -> None:
    """`led`: whether this person may make two records one; others look at the second one."""
    other = pair.second if pair.first_id == customer_id else pair.first
    target = f"/customers/merge/{customer_id}/{other.id}" if led else f"/customers/{other.id}"
    with link(target, "mini alike"):
        with box("row-head"):
            text(other.name or _("No name yet"), "strong", "span")
            pill(phrases.word(pair.reason), "warn")
        if led:
            text(_("Compare the two"), "small dim")


def _history(changes: History) -> None:
    with section(_("Changes of the record")):
        if not changes:
            empty(
                "history", _("Nothing was changed yet"), _("Each change shows here, with who made it and what it was.")
            )
        for edit, name in changes:
            with box("change undone" if edit.undone_at else "change"):
                with box("row-head"):
                    text(name or _("The customer"), "strong", "span")
                    moment(edit.at, "dim small")
                    if edit.undone_at:
                        pill(_("taken back"))
                for field, (before, after) in edit.changes.items():
                    with box("change-line"):
                        text(field_name(field), "fact-name", "span")
                        text(_shown(field, before), "old", "span")
                        text("→", "dim", "span")
                        text(_shown(field, after), "new", "span")


def field_name(field: str) -> str:
    """A field of the record as the form calls it."""
    known = {
        "name": _("Full name"),
        "address": _("Address as"),
        "phone": _("Phone"),
        "email": _("E-mail"),
        "birthday": _("Birthday"),
        "tier": _("Tier"),
        "stage": _("Stage"),
        "kind": _("Kind of customer"),
        "occupation": _("Occupation"),
        "household": _("Household"),
        "means": _("Means"),
        "habits": _("Habits"),
    }
    return known.get(field, field)


def _shown(field: str, value: object) -> str:
    """A value of the history. Phone and e-mail stand there masked: the history is for everybody who cares."""
    return shown_value(field, value, masked=True)


def shown_value(field: str, value: object, *, masked: bool) -> str:
    """A value of a record as people read it."""
    if value in (None, ""):
        return "–"
    if field == "birthday" and isinstance(value, dict):
        written = f"{value['day']:02d}/{value['month']:02d}" + (f"/{value['year']}" if value["year"] else "")
        return _("{date} (lunar)").format(date=written) if value["calendar"] == "lunar" else written
    if masked and field in _MASKS:
        return _MASKS[field](str(value))
    kind = _ENUMS.get(field)
    return phrases.word(kind(str(value))) if kind is not None else str(value)


_MASKS = {"phone": customer_contact.masked_phone, "email": customer_contact.masked_email}
_ENUMS: dict[str, type[StrEnum]] = {"tier": Tier, "stage": Stage, "kind": CustomerKind}
