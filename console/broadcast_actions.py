"""What can be done with a broadcast in the state it is in, as buttons; what cannot be taken back is asked for first."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from nicegui import ui
from sqlalchemy.orm import Session

from console.broadcast_sight import Sight
from console.broadcast_time import chosen_moment
from console.desk import Outcome, act
from console.dialogs import confirmed
from console.language import _, plural
from console.pieces import attribute, box, button, link, symbol, text
from console.pulse import pulse
from console.visits import Visit
from crm import campaigns
from crm.campaign_states import BEFORE, EDITABLE
from crm.models.campaigns import Campaign, CampaignState
from crm.models.messaging import OutboxState
from crm.models.staff import Staff

Work = Callable[[Session, Campaign, Staff], object]
S = CampaignState


class Actions:
    """The buttons of one broadcast for whom `visit` is; `after` is called when something was done."""

    def __init__(self, campaign_id: int, visit: Visit, after: Callable[[], Awaitable[None]]) -> None:
        self.campaign_id = campaign_id
        self.client = visit.client
        self.viewer = visit.visitor.staff_id
        self.after = after

    def draw(self, sight: Sight) -> None:
        """The buttons for what `sight` shows."""
        state = sight.campaign.state
        mine = sight.second and sight.campaign.author_id == self.viewer
        with box("actions"):
            if state in (S.DRAFT, S.APPROVED) and not mine:
                button(_("Send now"), self._send, "primary", "send")
            if state is S.PAUSED and not mine:
                button(_("Go on sending"), self._resume, "primary", "play_arrow")
            if state is S.DRAFT and not mine:
                button(_("Approve"), self._approve, "", "task_alt")
            if state is S.RUNNING:
                button(_("Pause"), self._pause, "", "pause")
            if state in EDITABLE:
                with link(f"/broadcasts/{self.campaign_id}/edit", "btn"):
                    symbol("edit")
                    text(_("Edit"), tag="span")
            if state is S.SCHEDULED:
                button(_("Take off the calendar"), self._unschedule, "", "event_busy")
            if state in BEFORE:
                button(_("Discard"), self._discard, "danger", "delete")
            elif S.CANCELLED in campaigns.LEGAL[state]:
                button(_("Stop for good"), self._ask_stop, "danger", "stop_circle")
            self._draw_unknown(sight)
        if state is S.APPROVED or (state is S.DRAFT and not mine):
            self._draw_later()

    def _draw_unknown(self, sight: Sight) -> None:
        unknown = sight.progress.states.get(OutboxState.UNKNOWN, 0)
        if unknown and sight.campaign.state in (S.RUNNING, S.PAUSED, S.FINISHED):

            async def again() -> None:
                with self.client:
                    await self._again(unknown)

            words = plural("Send again to {n} unclear person", "Send again to {n} unclear people", unknown)
            button(words, again, "", "replay")

    def _draw_later(self) -> None:
        with box("actions later"):
            at = attribute(ui.input(), aria_label=_("Send at this time"))
            at.props('outlined dense type="datetime-local"').classes("at")

            async def later() -> None:
                moment = chosen_moment(at.value)
                if moment is not None:
                    await self._schedule(moment)

            button(_("Send at this time"), later, "", "schedule")

    async def _send(self) -> None:
        await self._schedule(None)

    async def _schedule(self, at: datetime | None) -> None:
        def work(session: Session, staff: Staff) -> None:
            campaigns.schedule(session, campaigns.get(session, self.campaign_id), staff, at)

        await self._told(await act("send_broadcast", work))

    async def _approve(self) -> None:
        await self._told(await act("approve_broadcast", self._of(campaigns.approve)), _("Approved."))

    async def _pause(self) -> None:
        await self._told(await act("pause_broadcast", self._of(campaigns.pause)), _("Paused."))

    async def _resume(self) -> None:
        await self._told(await act("resume_broadcast", self._of(campaigns.resume)), _("It goes on."))

    async def _unschedule(self) -> None:
        await self._told(await act("unschedule_broadcast", self._of(campaigns.unschedule)))

    async def _discard(self) -> None:
        with self.client:
            words = _("Nobody will get it, and it cannot be edited any more. It stays in the list.")
            if await confirmed(_("Discard this broadcast?"), words, _("Discard"), "danger"):
                await self._told(await act("stop_broadcast", self._of(campaigns.cancel)))

    async def _ask_stop(self) -> None:
        with self.client:
            await self._stop()

    async def _stop(self) -> None:
        words = _("Whoever has not been sent it yet will not get it. A stopped broadcast cannot be started again.")
        if not await confirmed(_("Stop this broadcast for good?"), words, _("Stop for good"), "danger"):
            return
        said = _("Stopped. Whatever was not sent yet has been taken back.")
        await self._told(await act("stop_broadcast", self._of(campaigns.cancel)), said)

    async def _again(self, unknown: int) -> None:
        title = plural("Send once more to {n} person?", "Send once more to {n} people?", unknown)
        words = _(
            "The connection broke while these were being sent, and nobody knows whether they arrived. Some of these "
            "people will get the same message twice. Your name is noted with this."
        )
        if not await confirmed(title, words, _("I understand")):
            return
        sure = _("This is the last question: the messages go out at once.")
        if await confirmed(_("Really send again?"), sure, _("Send again"), "danger"):
            await self._told(await act("send_broadcast_again", self._of(campaigns.send_unknown_again)))

    def _of(self, work: Work) -> Callable[[Session, Staff], None]:
        def done(session: Session, staff: Staff) -> None:
            work(session, campaigns.get(session, self.campaign_id), staff)

        return done

    async def _told(self, outcome: Outcome[None], words: str = "") -> None:
        if outcome and words:
            ui.notify(words, type="positive", position="top")
        await self.after()
        pulse.poke()
