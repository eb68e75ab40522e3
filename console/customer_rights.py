"""A person's rights over their data, from the console: a copy, an erasure, or a request noted for later."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from nicegui import ui
from sqlalchemy.orm import Session

from console import phrases, privacy_files
from console.access import ACTIONS, PAGES
from console.desk import act
from console.dialogs import confirmed
from console.language import _
from console.pieces import attribute, box, button, section, text
from console.visits import Visit
from crm import personal_data_erase, personal_data_requests
from crm.customer_card import Card
from crm.db import database
from crm.models.privacy import RequestKind
from crm.models.staff import Staff
from crm.settings import settings

CHANNELS = ("phone", "email", "letter", "shop")


class Rights:
    """What may be done at once by those who lead, and the form that notes a request, for everybody who cares.

    `noted`: shows the request where the customer is shown, to those who have no list of requests.
    """

    def __init__(self, visit: Visit, about: Card, noted: Callable[[], Awaitable[None]]) -> None:
        self._visit, self._about, self._noted = visit, about, noted
        self._number = about.customer.id
        with box("card pad"), section(_("Rights over their data")):
            text(_("What the customer may ask by law. A request made in the chat stands here by itself."), "dim")
            with box("actions"):
                if visit.visitor.role in ACTIONS["export_customer"]:
                    button(_("Make a copy of the data"), self._export, "", "download")
                if visit.visitor.role in ACTIONS["erase_customer"]:
                    button(_("Erase everything"), self._erase, "danger", "delete_forever")
            self._form()

    def _form(self) -> None:
        with attribute(box("fold", "details"), data_section="request"):
            with box("fold-title", "summary"):
                text(_("Note a request made elsewhere"), "section-title", "h3")
            with box("fold-body form-grid"):
                kinds = {each.value: phrases.word(each) for each in RequestKind}
                ways = {
                    "phone": _("by phone"),
                    "email": _("by e-mail"),
                    "letter": _("by letter"),
                    "shop": _("at the shop"),
                }
                self._kind = ui.select(kinds, label=_("What they ask"), value=RequestKind.SEE.value)
                self._way = ui.select(ways, label=_("How it came"), value="phone")
                self._said = ui.input(_("In their words")).classes("form-habits")
                for field in (self._kind, self._way, self._said):
                    field.props("outlined dense")
                with box("actions"):
                    button(_("Note the request"), self._note, "primary", "edit_note")

    async def _note(self) -> None:
        kind, way, said = RequestKind(self._kind.value), str(self._way.value), str(self._said.value or "")

        def work(session: Session, staff: Staff) -> tuple[int, datetime]:
            request = personal_data_requests.receive(session, self._number, kind, channel=way, said=said, staff=staff)
            return request.id, request.due_at

        outcome = await act("note_privacy_request", work)
        if outcome and outcome.value is not None:
            await self._tell(*outcome.value)

    async def _tell(self, number: int, due: datetime) -> None:
        """Leads go on to the list; others stay, and read who takes care of it."""
        with self._visit.client:
            if self._visit.visitor.role in PAGES["/privacy"]:
                ui.notify(_("Noted. It is due as the list says."), type="positive", position="top")
                ui.navigate.to(f"/privacy?about={number}")
                return
            words = _("Noted. The leads were told and take care of it by {day}.").format(day=phrases.day(due))
            ui.notify(words, type="positive", position="top", timeout=6000)
            self._said.value = ""
            await self._noted()

    async def _export(self) -> None:
        await export(self._visit, self._number)

    async def _erase(self) -> None:
        if await erase(self._visit, self._number, self._about.customer.name):
            with self._visit.client:
                ui.navigate.to("/customers")


async def export(visit: Visit, customer_id: int, request_id: int | None = None) -> None:
    """Makes the copy and hands it over; audited."""
    outcome = await act(
        "export_customer", lambda session, staff: privacy_files.make(session, staff, customer_id, request_id)
    )
    if outcome:
        with visit.client:
            ui.navigate.to(str(outcome.value))


async def erase(visit: Visit, customer_id: int, name: str) -> bool:
    """Asks twice, erases, and says what became of it; whether it was done."""
    with visit.client:
        first = _("Everything we hold about {name} goes: record, chat, photos, what the assistant remembers.")
        stays = _("Orders stay without a name, as accounts must be kept; complaints and ratings stay as figures only.")
        who = name or _("this customer")
        if not await confirmed(_("Erase all data?"), first.format(name=who) + " " + stays, _("Go on"), "danger"):
            return False
        if not await confirmed(
            _("Erase for good?"), _("This cannot be taken back by anybody."), _("Yes, erase for good"), "danger"
        ):
            return False

        def work(session: Session, staff: Staff) -> int:
            personal_data_requests.settle_erased(session, customer_id, staff)
            return personal_data_erase.erase_rows(session, customer_id, staff).id

        outcome = await act("erase_customer", work)
        if not outcome or outcome.value is None:
            return False
        store = database(settings().database_url)
        await asyncio.to_thread(personal_data_erase.finish, store, outcome.value)
        ui.notify(_("Erased. A mark without a name stays, with the time."), type="positive", position="top")
        return True
