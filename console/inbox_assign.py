"""A lead gives a conversation to a colleague."""

from dataclasses import dataclass

from nicegui import ui
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from console import desk
from console.desk import act
from console.language import _, plural
from console.pieces import attribute, avatar, box, text
from console.visits import Visit
from crm import availability, holds
from crm.models.conversations import Escalation, EscalationState
from crm.models.inbox import StaffDesk
from crm.models.staff import Staff


@dataclass(frozen=True)
class Colleague:
    staff_id: int
    name: str
    present: bool
    held: int


def colleagues(session: Session) -> list[Colleague]:
    """Who can have it: those who are there first, each with how many conversations they hold."""
    held = dict(
        session.execute(
            select(Escalation.staff_id, func.count())
            .where(Escalation.state == EscalationState.CLAIMED)
            .group_by(Escalation.staff_id)
        ).all()
    )
    there = set(session.scalars(select(StaffDesk.staff_id).where(StaffDesk.present.is_(True))))
    carers = availability.carers(session)
    found = [Colleague(each.id, each.name, each.id in there, held.get(each.id, 0)) for each in carers]
    return sorted(found, key=lambda each: (not each.present, each.held))


async def ask(visit: Visit, call_id: int) -> bool:
    """Asks to whom, and gives it to them; whether that was done."""
    people = await desk.look(colleagues)
    with visit.client:
        with ui.dialog() as dialog, attribute(box("card pad stack question"), role="dialog"):
            text(_("Who shall look after it?"), "section-title", "h3")
            with box("stack inbox-colleagues"):
                for person in people:
                    _offer(person, dialog)
        chosen = await dialog
        if not dialog.is_deleted:
            dialog.delete()
        if not isinstance(chosen, int):
            return False

        def work(session: Session, staff: Staff) -> None:
            holds.assign(session, call_id, session.get_one(Staff, chosen), staff)

        return bool(await act("assign_conversation", work))


def _offer(person: Colleague, dialog: ui.dialog) -> None:
    choice = attribute(box("inbox-colleague", "button"), type="button", data_person=str(person.staff_id))
    choice.on("click", lambda: dialog.submit(person.staff_id))
    with choice:
        avatar(person.name)
        with box("row-main"):
            text(person.name, "strong")
            text(plural("holds {n} conversation", "holds {n} conversations", person.held), "dim small")
        text(_("on duty") if person.present else _("away"), "pill good" if person.present else "pill", "span")
