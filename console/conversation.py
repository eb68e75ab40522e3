"""One conversation: the messages live, the reply, claim and hand back, and the customer beside it."""

import asyncio
from functools import partial

from nicegui import ui

from console import card, desk, guard, inbox, talk
from console.bubbles import Bubbles
from console.desk import act
from console.frame import frame
from console.language import _
from console.pieces import attribute, box, link, text
from console.pulse import QUEUE, conversation, pulse
from console.talk import Sight, Talk
from console.talk_bar import Bar
from console.talk_composer import Composer
from console.talk_dialogs import again
from console.talk_planned import Planned
from console.visits import Visit
from crm import customer_card, reads
from crm.customer_card import Card

CLOCK_S = 20.0
# In the page itself: a key that is pressed as soon as the page is seen does what it says.
SCRIPT = '<script src="/static/talk.js"></script>'


@guard.page("/conversations/{conversation_id:int}")
async def page(visit: Visit, conversation_id: int, at: int = 0) -> None:
    """Builds the page; the `Screen` keeps it live.

    Args:
        at: number of a message to show first, as a search found it.
    """
    sight = await desk.look(lambda session: talk.first_sight(session, conversation_id, at))
    waiting = await inbox.for_visitor(visit.visitor)
    about = await desk.look(lambda session: customer_card.card(session, sight.conversation.customer_id))
    ui.add_head_html(SCRIPT)
    title = sight.conversation.customer.name or _("No name yet")
    with frame(visit, title, waiting, back=(_("Inbox"), "/inbox")) as body:
        body.classes("wide")
        screen = Screen(visit, conversation_id, at)
        screen.build(sight, about)
    pulse.subscribe(visit, conversation(conversation_id), screen.refresh)
    pulse.subscribe(visit, QUEUE, screen.refresh)
    visit.every(CLOCK_S, screen.refresh)  # the clocks go on counting
    await screen.settle()


class Screen:
    """The parts of an open conversation that change."""

    def __init__(self, visit: Visit, conversation_id: int, hit: int = 0) -> None:
        self.visit, self.hit = visit, hit
        self.talk = Talk(visit, conversation_id, self._changed)
        self._looking = asyncio.Lock()
        self._seen = 0

    def build(self, sight: Sight, about: Card) -> None:
        """Draws everything once."""
        with box("desk"):
            with box("card talk"):
                self.bar = Bar(self.talk)
                if self.hit:
                    self._draw_way_back()
                self.bubbles = Bubbles(self.talk.older, partial(again, self.talk), self.hit)
                self.planned = Planned(self.talk)
                self.composer = Composer(self.talk, self.bubbles)
            with attribute(box("card aside-card", "aside"), aria_label=_("Customer")):
                card.draw(about)
        self.bubbles.begin(sight.lines, sight.notes)
        self._show(sight)

    async def settle(self) -> None:
        """What can wait until the page is drawn."""
        await self.composer.name_colleagues()
        await self._mark_seen()

    async def refresh(self) -> None:
        """Looks again and changes what changed."""
        async with self._looking:  # an older look must not be drawn over a newer one
            known = (self.bubbles.last, self.bubbles.last_note, self.bubbles.watched)
            sight = await desk.look(lambda session: talk.next_sight(session, self.talk.conversation_id, *known))
            self.bubbles.grow(sight.lines, sight.notes)
            self._show(sight)
        await self._mark_seen()

    def _show(self, sight: Sight) -> None:
        self.bubbles.leave_to_colleague(bool(sight.holder) and not sight.held_by(self.visit))
        self.bar.show(sight)
        self.planned.show(sight)
        self.composer.show(sight)

    async def _mark_seen(self) -> None:
        newest, number = self.bubbles.last + self.bubbles.last_note, self.talk.conversation_id
        if newest != self._seen:
            self._seen = newest
            await act("note_seen", lambda session, staff: reads.seen(session, number, staff.id))

    def _draw_way_back(self) -> None:
        with box("way-back"):
            text(_("You are reading older messages."), "small", "span")
            with attribute(link(f"/conversations/{self.talk.conversation_id}", "plain strong small"), id="newest"):
                text(_("To the newest"), tag="span")

    async def _changed(self) -> None:
        await self.refresh()
        pulse.poke()
