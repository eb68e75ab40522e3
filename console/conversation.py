"""One conversation: the messages live, the reply box, claim and hand back, and the customer beside it."""

import asyncio
from dataclasses import dataclass

from nicegui import ui
from sqlalchemy.orm import Session

from console import card, desk, guard, inbox, phrases
from console.bubbles import Bubbles
from console.desk import act
from console.frame import frame
from console.language import _
from console.pieces import Canvas, box, button, pill, text
from console.pulse import QUEUE, conversation, pulse
from console.visits import Visit
from crm import clock, customer_card, escalations, threads
from crm.customer_card import Card
from crm.errors import IllegalTransition
from crm.models.conversations import Conversation, Escalation, Mode
from crm.models.staff import Staff
from crm.threads import Line

MOST_CHARACTERS = 4000  # Telegram takes 4,096
# Enter sends, Shift+Enter makes a line, and an Enter that ends a composed Vietnamese syllable does neither.
SEND_ON_ENTER = """(e) => {
    if (e.key !== "Enter" || e.shiftKey || e.isComposing) return;
    e.preventDefault();
    if (e.target.value.trim()) emit(e.target.value);
}"""


@dataclass(frozen=True)
class Sight:
    """The conversation as it is now."""

    conversation: Conversation
    lines: list[Line]
    escalation: Escalation | None
    holder: str

    def held_by(self, visit: Visit) -> bool:
        return self.escalation is not None and self.escalation.staff_id == visit.visitor.staff_id


def _see(session: Session, conversation_id: int) -> Sight:
    found = threads.conversation(session, conversation_id)
    alive = escalations.current(session, conversation_id)
    holder = alive.staff.name if alive is not None and alive.staff is not None else ""
    return Sight(found, threads.latest(session, conversation_id), alive, holder)


@guard.page("/conversations/{conversation_id:int}")
async def page(visit: Visit, conversation_id: int) -> None:
    """Builds the page; the `Screen` keeps it live."""
    sight = await desk.look(lambda session: _see(session, conversation_id))
    waiting = await inbox.for_visitor(visit.visitor)
    about = await desk.look(lambda session: customer_card.card(session, sight.conversation.customer_id))
    title = sight.conversation.customer.name or _("No name yet")
    with frame(visit, title, waiting, back=(_("Queue"), "/queue")) as body:
        body.classes("wide")
        screen = Screen(visit, conversation_id)
        screen.build(sight, about)
    pulse.subscribe(visit, conversation(conversation_id), screen.refresh)
    pulse.subscribe(visit, QUEUE, screen.refresh)


class Screen:
    """The parts of an open conversation that change."""

    def __init__(self, visit: Visit, conversation_id: int) -> None:
        self.visit, self.conversation_id = visit, conversation_id
        self._looking = asyncio.Lock()

    def build(self, sight: Sight, about: Card) -> None:
        with box("desk"):
            with box("card talk"):
                self.bar = Canvas("talk-bar")
                self.bubbles = Bubbles()
                self.foot = box("talk-foot")
                with self.foot:
                    self.reply = ui.textarea(
                        placeholder=_("Write to the customer… (Enter sends, Shift+Enter: new line)")
                    )
                    self.reply.props(f"autogrow borderless dense maxlength={MOST_CHARACTERS}").classes("reply")
                    self.reply.on("keydown", self._entered, js_handler=SEND_ON_ENTER)
                    button(_("Send"), self._pressed, "primary", "send").classes("send")
            with box("card aside-card", "aside"):
                card.draw(about)
        self._show(sight)

    async def refresh(self) -> None:
        """Looks again and changes what changed."""
        async with self._looking:  # an older look must not be drawn over a newer one
            self._show(await desk.look(lambda session: _see(session, self.conversation_id)))

    def _show(self, sight: Sight) -> None:
        self.bubbles.show(sight.lines)
        self.foot.set_visibility(sight.held_by(self.visit))
        called = sight.escalation
        waited = phrases.span(clock.now() - called.opened_at) if called is not None else ""
        key = (called and (called.id, called.state, called.staff_id), sight.conversation.mode, waited)
        self.bar.show(key, lambda: self._draw_bar(sight))

    def _draw_bar(self, sight: Sight) -> None:
        escalation = sight.escalation
        with box("talk-state"):
            if escalation is None:
                pill(_("The assistant answers"), "info")
                return self._offer_to_step_in()
            pill(phrases.word(escalation.reason), "warn")
            if sight.held_by(self.visit):
                text(_("You are looking after this conversation"), "dim", "span")
            elif escalation.staff_id is not None:
                text(_("{name} is looking after it").format(name=sight.holder), "dim", "span")
            else:
                waited = phrases.span(clock.now() - escalation.opened_at)
                text(_("has been waiting for {time}").format(time=waited), "dim", "span")
            if sight.conversation.mode is Mode.ASSISTANT:
                text(_("The assistant goes on answering."), "dim", "span")
        if sight.held_by(self.visit):
            button(_("Hand back to the assistant"), self._hand_back, "", "smart_toy")
        else:
            button(_("Take over"), self._claim, "primary", "front_hand")
        return None

    def _offer_to_step_in(self) -> None:
        with self.bar.place:
            button(_("Step in"), self._take_over, "", "front_hand")

    async def _claim(self) -> None:
        def work(session: Session, staff: Staff) -> None:
            alive = escalations.current(session, self.conversation_id)
            if alive is None:
                escalations.take_over(session, threads.conversation(session, self.conversation_id), staff)
            else:
                escalations.claim(session, alive.id, staff)

        await act("claim", work)
        await self._changed()
        ui.run_javascript("document.querySelector('.reply textarea')?.focus()")

    async def _take_over(self) -> None:
        def work(session: Session, staff: Staff) -> None:
            escalations.take_over(session, threads.conversation(session, self.conversation_id), staff)

        await act("take_over", work)
        await self._changed()

    async def _hand_back(self) -> None:
        if await act("hand_back", lambda session, staff: escalations.hand_back(session, self._alive(session), staff)):
            ui.notify(_("The assistant answers again; the customer has been told."), type="positive", position="top")
        await self._changed()

    async def _pressed(self) -> None:
        await self._send(self.reply.value or "")

    async def _entered(self, event: object) -> None:
        await self._send(str(getattr(event, "args", "")))

    async def _send(self, words: str) -> None:
        words = words.strip()
        if not words:
            return
        self.reply.value = ""
        sent = await act("reply", lambda session, staff: escalations.reply(session, self._alive(session), staff, words))
        if not sent:
            self.reply.value = words  # nothing that was typed is lost
        await self._changed()

    def _alive(self, session: Session) -> int:
        alive = escalations.current(session, self.conversation_id)
        if alive is None:
            raise IllegalTransition(f"conversation {self.conversation_id} has been handed back")
        return alive.id

    async def _changed(self) -> None:
        await self.refresh()
        pulse.poke()
