"""The replies that will go out later, above the place where one writes: to change or to call off."""

from functools import partial

from sqlalchemy.orm import Session

from console import phrases, talk_dialogs
from console.desk import act
from console.language import _
from console.pieces import Canvas, attribute, box, button, symbol, text
from console.talk import Sight, Talk
from crm import scheduled_replies
from crm.models.staff import Staff
from crm.models.talk import ScheduledReply


class Planned:
    """Draws into the place it was made in; nothing while no reply waits."""

    def __init__(self, talk: Talk) -> None:
        self.talk = talk
        self._rows = Canvas("planned")

    def show(self, sight: Sight) -> None:
        """Brings the list up to date."""
        held = sight.held_by(self.talk.visit)
        key = (held, [(each.id, each.version) for each in sight.planned])
        self._rows.show(key, lambda: self._draw(sight.planned, held))
        self._rows.place.set_visibility(bool(sight.planned))

    def _draw(self, planned: list[ScheduledReply], held: bool) -> None:
        for each in planned:
            mine = each.staff_id == self.talk.visit.visitor.staff_id
            with attribute(box("planned-row"), data_planned=str(each.id)):
                symbol("schedule_send")
                with box("row-main"):
                    text(_when(each), "small strong")
                    text(each.text, "row-words")
                if mine:
                    button(_("Change"), partial(self._change, each), "quiet")
                if mine or held:
                    button(_("Call off"), partial(self._cancel, each), "quiet")

    async def _change(self, planned: ScheduledReply) -> None:
        with self.talk.visit.client:
            chosen = await talk_dialogs.plan(planned.text, planned)
        if chosen is None:
            return

        def work(session: Session, staff: Staff) -> None:
            scheduled_replies.change(session, planned.id, staff, chosen.words, chosen.at, if_quiet=chosen.if_quiet)

        await act("change_planned", work)
        await self.talk.changed()

    async def _cancel(self, planned: ScheduledReply) -> None:
        await act("cancel_planned", lambda session, staff: scheduled_replies.cancel(session, planned.id, staff))
        await self.talk.changed()


def _when(planned: ScheduledReply) -> str:
    words = (
        _("{name} sends this {time}, unless the customer writes first")
        if planned.if_quiet
        else _("{name} sends this {time}, whatever happens before")
    )
    return words.format(name=planned.staff.name, time=phrases.when(planned.send_at))
