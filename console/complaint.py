"""One complaint: what happened, the promise, its history, and the steps that are allowed now."""

from dataclasses import dataclass

from nicegui import ui
from sqlalchemy import select
from sqlalchemy.orm import Session

from console import card, desk, guard, inbox, phrases
from console.complaints import TONES, is_late
from console.desk import act
from console.frame import frame
from console.language import _
from console.pieces import Canvas, attribute, box, button, fact, link, moment, pill, section, text
from console.pulse import COMPLAINTS, pulse
from console.visits import Visit
from crm import complaints, customer_card
from crm.customer_card import Card
from crm.models.care import Complaint, ComplaintEvent, ComplaintState, Severity
from crm.models.staff import Staff


@dataclass(frozen=True)
class Sight:
    """The complaint as it is now; `names`: staff by number."""

    complaint: Complaint
    names: dict[int, str]


def _see(session: Session, complaint_id: int) -> Sight:
    found = complaints.get(session, complaint_id)
    found.customer, found.product, found.purchase  # noqa: B018  loaded while the session is open
    involved = {event.staff_id for event in found.events} | {found.owner_id}
    names = session.execute(select(Staff.id, Staff.name).where(Staff.id.in_(involved))).all()
    return Sight(found, dict(names))


@guard.page("/complaints/{complaint_id:int}")
async def page(visit: Visit, complaint_id: int) -> None:
    """Builds the page; the `Screen` keeps it live."""
    sight = await desk.look(lambda session: _see(session, complaint_id))
    about = await desk.look(lambda session: customer_card.card(session, sight.complaint.customer_id))
    waiting = await inbox.for_visitor(visit.visitor)
    screen = Screen(complaint_id)
    with frame(visit, sight.complaint.code, waiting, back=(_("Complaints"), "/complaints")) as body:
        body.classes("wide")
        screen.build(sight, about)
    pulse.subscribe(visit, COMPLAINTS, screen.refresh)


class Screen:
    """The parts of an open complaint that change. The answer being written is never redrawn."""

    def __init__(self, complaint_id: int) -> None:
        self.complaint_id = complaint_id

    def build(self, sight: Sight, about: Card) -> None:
        with box("desk scrolls"):
            with box("stack"):
                with box("card pad"):
                    self.head = Canvas("stack")
                with box("card pad") as self.answer_card:
                    self._build_answer()
                with box("card pad"):
                    self.history = Canvas("")
            with box("card aside-card", "aside"):
                card.draw(about)
        self._show(sight)

    def _build_answer(self) -> None:
        with section(_("Answer the customer")):
            text(_("The customer reads this in the chat, and is asked a little later how satisfied they are."), "dim")
            self.answer = ui.textarea(placeholder=_("What was found, what we do about it, and when"))
            self.answer.props("autogrow outlined maxlength=3000").classes("field answer")
            with box("actions"):
                button(_("Send the answer and resolve"), self._resolve, "primary", "check")

    async def refresh(self) -> None:
        """Looks again and draws what changed."""
        self._show(await desk.look(lambda session: _see(session, self.complaint_id)))

    def _show(self, sight: Sight) -> None:
        complaint = sight.complaint
        key = (complaint.state, complaint.owner_id, is_late(complaint), complaint.resolution, len(complaint.events))
        self.head.show(key, lambda: self._draw_head(sight))
        self.answer_card.set_visibility(ComplaintState.RESOLVED in complaints.LEGAL[sight.complaint.state])
        self.history.show(len(complaint.events), lambda: _draw_history(sight))

    def _draw_head(self, sight: Sight) -> None:
        complaint = sight.complaint
        with box("head-line"):
            with box("row-head"):
                pill(phrases.word(complaint.state), TONES[complaint.state])
                pill(phrases.word(complaint.severity), "bad" if complaint.severity is Severity.HIGH else "")
                text(phrases.word(complaint.category), "dim", "span")
            with box("actions"):
                self._buttons(complaint)
        _promise(complaint)
        text(complaint.description, "prose")
        _photos(complaint)
        with box("facts"):
            fact(_("Product"), complaint.product.name if complaint.product else "")
            fact(_("Order"), complaint.purchase.order_code if complaint.purchase else "")
            fact(_("Since"), complaint.since)
            fact(_("How to reach"), complaint.contact)
            fact(_("Reported"), phrases.when(complaint.created_at))
            fact(_("Looked after by"), sight.names.get(complaint.owner_id or 0, ""))
        if complaint.resolution and complaint.resolved_at:
            with section(_("Our answer"), "answered"):
                text(complaint.resolution, "prose")

    def _buttons(self, complaint: Complaint) -> None:
        if complaint.conversation_id is not None:
            with link(f"/conversations/{complaint.conversation_id}", "btn"):
                ui.icon("forum")
                text(_("Conversation"), tag="span")
        if complaint.state is ComplaintState.NEW:
            button(_("Take it on"), self._take, "primary", "front_hand")
        if complaint.state in (ComplaintState.RESOLVED, ComplaintState.CLOSED):
            button(_("Reopen"), self._take, "", "replay")
        if complaint.state is ComplaintState.RESOLVED:
            button(_("Close"), self._close, "", "inventory_2")

    async def _take(self) -> None:
        await self._move(ComplaintState.IN_PROGRESS)

    async def _close(self) -> None:
        await self._move(ComplaintState.CLOSED)

    async def _move(self, to: ComplaintState) -> None:
        def work(session: Session, staff: Staff) -> None:
            complaints.move(session, complaints.get(session, self.complaint_id), to, staff)

        await act("move_complaint", work)
        await self._changed()

    async def _resolve(self) -> None:
        words = self.answer.value or ""

        def work(session: Session, staff: Staff) -> None:
            complaints.resolve(session, complaints.get(session, self.complaint_id), staff, words)

        if await act("resolve_complaint", work):
            self.answer.value = ""
            ui.notify(_("The answer is on its way to the customer."), type="positive", position="top")
        await self._changed()

    async def _changed(self) -> None:
        await self.refresh()
        pulse.poke()


def _promise(complaint: Complaint) -> None:
    late = is_late(complaint)
    with box("promise late" if late else "promise"):
        ui.icon("schedule")
        if complaint.resolved_at is not None:
            text(_("Answered at {time}").format(time=phrases.when(complaint.resolved_at)), tag="span")
        elif late:
            text(_("The answer was promised by {time} and is overdue").format(time=phrases.when(complaint.promised_at)))
        else:
            text(_("Answer promised by {time}").format(time=phrases.when(complaint.promised_at)), tag="span")


def _photos(complaint: Complaint) -> None:
    if complaint.photos:
        with box("photos"):
            for path in complaint.photos:
                with attribute(link(f"/attachments/{path}", "photo"), target="_blank", rel="noopener"):
                    attribute(box("", "img"), src=f"/attachments/{path}", alt=_("Photo"), loading="lazy")


def _draw_history(sight: Sight) -> None:
    with section(_("History")):
        for event in sight.complaint.events:
            _event(event, sight.names)


def _event(event: ComplaintEvent, names: dict[int, str]) -> None:
    with box("event"):
        box("event-dot")
        with box("event-main"):
            with box("row-head"):
                text(_("Reported") if event.from_state is None else phrases.word(event.to_state), "strong", "span")
                text(names.get(event.staff_id or 0, _("Customer")), "dim", "span")
                moment(event.at)
            if event.note:
                text(event.note, "row-words full")
