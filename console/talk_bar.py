"""The line above an open conversation: who answers, by when, what was promised; taking over and handing back."""

from nicegui import ui
from sqlalchemy.orm import Session

from console import phrases, talk_dialogs
from console.desk import act
from console.language import _
from console.pieces import Canvas, attribute, box, button, pill, symbol, text
from console.talk import Sight, Talk
from crm import clock, escalations, holds, threads
from crm.models.conversations import Escalation, Mode
from crm.models.service import Promise
from crm.models.staff import Staff
from crm.service_clocks import ClockView

FOCUS_REPLY = "document.querySelector('.reply textarea')?.focus()"
SHORT_SHARE = 0.25  # of a clock's time: what is left is shown as urgent


class Bar:
    """Draws into the place it was made in, again only when what it says has changed."""

    def __init__(self, talk: Talk) -> None:
        self.talk = talk
        self._bar = Canvas("talk-bar")
        self._strip = Canvas("talk-strip")

    def show(self, sight: Sight) -> None:
        """Brings the bar up to date."""
        called = sight.escalation
        waited = phrases.span(clock.now() - called.opened_at) if called is not None else ""
        clocks = tuple((each.due_at, each.late, each.paused, phrases.span(abs(each.left))) for each in sight.clocks[:1])
        key = (called and (called.id, called.state, called.staff_id), sight.conversation.mode, waited, clocks)
        self._bar.show(key, lambda: self._draw(sight))
        promised = tuple((each.id, each.due_at, each.due_at < clock.now()) for each in sight.promised)
        self._strip.show(promised, lambda: self._draw_promises(sight.promised))
        self._strip.place.set_visibility(bool(promised))

    def _draw(self, sight: Sight) -> None:
        held = sight.held_by(self.talk.visit)
        with box("talk-state"):
            if sight.escalation is None:
                pill(_("The assistant answers"), "info")
            else:
                self._draw_call(sight, sight.escalation, held)
        with box("actions"):
            if sight.escalation is None:
                button(_("Step in"), self._take_over, "", "front_hand")
            elif held:
                words = _("Put back into the queue")
                back = button("", self._release, "quiet tool release", "move_up")
                attribute(back, title=words, aria_label=words)
                button(_("Promise an answer"), self._promise, "", "handshake")
                button(_("Hand back to the assistant"), self._hand_back, "", "smart_toy")
            else:
                button(_("Take over"), self._claim, "primary", "front_hand")

    def _draw_call(self, sight: Sight, escalation: Escalation, held: bool) -> None:
        pill(phrases.word(escalation.reason), "warn")
        for each in sight.clocks[:1]:
            _draw_clock(each)
        if held:
            text(_("You are looking after this conversation"), "dim", "span")
        elif escalation.staff_id is not None:
            text(_("{name} is looking after it").format(name=sight.holder), "dim", "span")
        else:
            waited = phrases.span(clock.now() - escalation.opened_at)
            text(_("has been waiting for {time}").format(time=waited), "dim", "span")
        if sight.conversation.mode is Mode.ASSISTANT:
            text(_("The assistant goes on answering."), "dim", "span")

    def _draw_promises(self, promised: list[Promise]) -> None:
        for each in promised:
            late = each.due_at < clock.now()
            with box("promise late" if late else "promise"):
                symbol("handshake")
                by = _("Promised by {time}: {words}").format(time=phrases.when(each.due_at), words=each.words)
                text(by, "promise-words", "span")

    async def _claim(self) -> None:
        def work(session: Session, staff: Staff) -> None:
            alive = escalations.current(session, self.talk.conversation_id)
            if alive is None:
                self._step_in(session, staff)
            else:
                escalations.claim(session, alive.id, staff)

        await act("claim", work)
        await self.talk.changed()
        ui.run_javascript(FOCUS_REPLY)

    async def _take_over(self) -> None:
        await act("take_over", self._step_in)
        await self.talk.changed()
        ui.run_javascript(FOCUS_REPLY)

    def _step_in(self, session: Session, staff: Staff) -> None:
        escalations.take_over(session, threads.conversation(session, self.talk.conversation_id), staff)

    async def _hand_back(self) -> None:
        with self.talk.visit.client:
            chosen = await talk_dialogs.hand_back()
        if chosen is None:
            return
        reason, note = chosen

        def work(session: Session, staff: Staff) -> None:
            escalations.hand_back(session, self.talk.alive(session), staff, reason, note)

        if await act("hand_back", work):
            ui.notify(_("The assistant answers again; the customer has been told."), type="positive", position="top")
        await self.talk.changed()

    async def _release(self) -> None:
        if await act("release", lambda session, staff: holds.release(session, self.talk.alive(session), staff)):
            ui.notify(_("A colleague can take it now."), type="positive", position="top")
        await self.talk.changed()

    async def _promise(self) -> None:
        with self.talk.visit.client:
            await talk_dialogs.promise(self.talk)
        await self.talk.changed()


def _draw_clock(clock_: ClockView) -> None:
    left = phrases.span(abs(clock_.left))
    if clock_.paused:
        element = pill(_("clock stands"), "")
    elif clock_.late:
        element = pill(_("late by {time}").format(time=left), "bad")
    else:
        element = pill(_("{time} left").format(time=left), "warn" if clock_.share_left < SHORT_SHARE else "good")
    attribute(element, title=_("due {time}, in working time").format(time=phrases.full_time(clock_.due_at)))
