"""Partners: who answers to us for their part of a complaint, how to reach them, and whose answer is overdue."""

from collections.abc import Callable

from sqlalchemy.orm import Session

from console import desk, guard, inbox, phrases
from console.access import ACTIONS
from console.complaint_dialogs import Form, choice_field, line_field, words_field
from console.complaint_part import act, ask
from console.frame import frame
from console.language import _, plural
from console.pieces import Canvas, attribute, box, button, empty, link, pill, text
from console.pulse import COMPLAINTS, pulse
from console.visits import Visit
from crm import case_steps, partners
from crm.models.cases import Partner, PartnerKind
from crm.models.staff import Staff
from crm.partners import Details, Standing


@guard.page("/partners")
async def page(visit: Visit) -> None:
    """The whole list: it is a small one."""
    rows = await desk.look(_see)
    screen = Screen(visit)
    back = (_("Complaints"), "/complaints")
    with frame(visit, _("Partners"), await inbox.for_visitor(visit.visitor), back=back):
        screen.build(rows)
    pulse.subscribe(visit, COMPLAINTS, screen.refresh)


def _see(session: Session) -> list[Standing]:
    return partners.standings(session, case_steps.today())


class Screen:
    """The list; leads add and change."""

    def __init__(self, visit: Visit) -> None:
        self.visit = visit
        self.may_edit = visit.visitor.role in ACTIONS["edit_partner"]

    def build(self, rows: list[Standing]) -> None:
        """Draws everything once."""
        if self.may_edit:
            with box("list-head"), box("actions"):
                button(_("Add a partner"), self._add, "primary", "add")
        self.place = Canvas("stack")
        self._show(rows)

    async def refresh(self) -> None:
        """Looks again and draws what changed."""
        self._show(await desk.look(_see))

    def _show(self, rows: list[Standing]) -> None:
        key = [(each.waiting, each.overdue, *_details(each.partner), each.partner.active) for each in rows]
        self.place.show(key, lambda: self._draw(rows))

    def _draw(self, rows: list[Standing]) -> None:
        with box("card rows"):
            for row in rows:
                self._row(row)
            if not rows:
                hint = _(
                    "A supplier, distributor, carrier or repair shop can be made responsible for a step of a case."
                )
                empty("handshake", _("No partners yet"), hint)

    def _row(self, row: Standing) -> None:
        partner = row.partner
        with attribute(box("entry partner-row"), data_partner=str(partner.id)):
            with box("row-main"):
                with box("row-head"):
                    text(partner.name, "strong", "span")
                    pill(phrases.word(partner.kind))
                    if not partner.active:
                        pill(_("ended"))
                reach = (partner.contact, phrases.phone(partner.phone), partner.email)
                text(" · ".join(part for part in reach if part), "dim")
                text(partner.note, "row-words")
            with box("row-end"):
                self._waiting(row)
            if self.may_edit:
                with box("actions"):
                    self._buttons(partner)

    def _waiting(self, row: Standing) -> None:
        if not row.waiting:
            text(_("nothing open"), "dim small")
            return
        with link(f"/complaints?partner={row.partner.id}", "more"):
            text(plural("{n} step open", "{n} steps open", row.waiting), tag="span")
        if row.overdue:
            text(plural("{n} answer overdue", "{n} answers overdue", row.overdue), "small bad")

    def _buttons(self, partner: Partner) -> None:
        async def edit() -> None:
            await self._edit(partner)

        async def turn() -> None:
            def work(session: Session, staff: Staff) -> None:
                partners.set_active(session, staff, partner.id, not partner.active)

            await act(self.visit, "edit_partner", work)
            await self.refresh()

        button(_("Change"), edit, "quiet", "edit")
        button(_("End") if partner.active else _("Resume dealings"), turn, "quiet")

    async def _add(self) -> None:
        await self._edit(None)

    async def _edit(self, partner: Partner | None) -> None:
        known = _of(partner) if partner is not None else Details("", PartnerKind.SUPPLIER)

        def build() -> Callable[[], Details]:
            name = line_field(_("Name"), known.name)
            kind = choice_field(_("Kind of partner"), {k.value: phrases.word(k) for k in PartnerKind}, known.kind.value)
            contact = line_field(_("Who to speak to"), known.contact)
            phone, email = line_field(_("Phone"), known.phone), line_field(_("E-mail"), known.email)
            note = words_field(_("Note"), 2)
            note.value = known.note

            def read() -> Details:
                rest = (str(field.value or "") for field in (contact, phone, email, note))
                return Details(str(name.value or ""), PartnerKind(str(kind.value)), *rest)

            return read

        title = _("Change the partner") if partner is not None else _("Add a partner")

        async def keep(given: Details) -> bool:
            def work(session: Session, staff: Staff) -> None:
                partners.save(session, staff, given, partner.id if partner is not None else None)

            return bool(await act(self.visit, "edit_partner", work))

        await ask(self.visit, Form(title, "", _("Save"), build, keep))
        await self.refresh()


def _of(partner: Partner) -> Details:
    return Details(partner.name, partner.kind, partner.contact, partner.phone, partner.email, partner.note)


def _details(partner: Partner) -> tuple[object, ...]:
    return (partner.id, partner.name, partner.kind, partner.contact, partner.phone, partner.email, partner.note)
