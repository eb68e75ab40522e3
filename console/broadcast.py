"""One broadcast on its way: how many have it, who does not and why, and the stop."""

from dataclasses import dataclass

from nicegui import ui
from sqlalchemy.orm import Session

from console import desk, guard, inbox, phrases
from console.broadcasts import TONES, audience_words, person_of
from console.desk import act
from console.frame import frame
from console.language import _, plural
from console.pieces import Canvas, box, button, fact, pill, section, text
from console.pulse import campaign as campaign_topic
from console.pulse import pulse
from console.visits import Visit
from crm import campaigns
from crm.campaigns import Progress
from crm.models.campaigns import Campaign, CampaignState
from crm.models.messaging import OutboxState
from crm.models.staff import Staff

FAILED = (OutboxState.FAILED, OutboxState.UNKNOWN)
NOT_SENT = (OutboxState.SKIPPED, OutboxState.EXPIRED)


@dataclass(frozen=True)
class Sight:
    campaign: Campaign
    progress: Progress
    person: str


@dataclass(frozen=True)
class Shares:
    """The bar: everybody the broadcast is for and may be written to."""

    total: int
    sent: int
    failed: int
    dropped: int

    @classmethod
    def of(cls, progress: Progress) -> "Shares":
        count = progress.states.get
        return cls(
            total=progress.total - progress.left_out,
            sent=count(OutboxState.SENT, 0),
            failed=sum(count(state, 0) for state in FAILED),
            dropped=sum(count(state, 0) for state in NOT_SENT),
        )

    @property
    def to_come(self) -> int:
        return self.total - self.sent - self.failed - self.dropped


@guard.page("/broadcasts/{campaign_id:int}")
async def page(visit: Visit, campaign_id: int) -> None:
    """Builds the page; the `Screen` keeps it live."""
    sight = await desk.look(lambda session: _see(session, campaign_id))
    waiting = await inbox.for_visitor(visit.visitor)
    screen = Screen(campaign_id)
    with frame(visit, sight.campaign.name, waiting, back=(_("Broadcasts"), "/broadcasts")):
        screen.build(sight)
    pulse.subscribe(visit, campaign_topic(campaign_id), screen.refresh)


class Screen:
    """The parts of a broadcast's page that change."""

    def __init__(self, campaign_id: int) -> None:
        self.campaign_id = campaign_id

    def build(self, sight: Sight) -> None:
        with box("compose"):
            with box("stack"):
                self.head = Canvas("card pad stack")
                self.facts = Canvas("card pad")
            with box("card pad"), section(_("Text")):
                with box("phone"):
                    text(sight.campaign.text, "bubble")
                text(_("The advertising mark and the way out are added to each message."), "hint")
        self._show(sight)

    async def refresh(self) -> None:
        """Looks again and draws what changed."""
        self._show(await desk.look(lambda session: _see(session, self.campaign_id)))

    def _show(self, sight: Sight) -> None:
        key = (sight.campaign.state, sight.progress)
        self.head.show(key, lambda: self._draw_head(sight))
        self.facts.show(key, lambda: _draw_facts(sight))

    def _draw_head(self, sight: Sight) -> None:
        with box("head-line"):
            with box("row-head"):
                pill(phrases.word(sight.campaign.state), TONES[sight.campaign.state])
                text(audience_words(sight.campaign.audience, sight.person), "dim", "span")
            if CampaignState.CANCELLED in campaigns.LEGAL[sight.campaign.state]:
                button(_("Stop"), self._stop, "danger", "stop_circle")
        _draw_progress(sight)

    async def _stop(self) -> None:
        def work(session: Session, staff: Staff) -> int:
            return campaigns.cancel(session, campaigns.get(session, self.campaign_id), staff)

        if await act("stop_broadcast", work):
            ui.notify(_("Stopped. Whatever was not sent yet has been taken back."), type="positive", position="top")
        await self.refresh()
        pulse.poke()


def _see(session: Session, campaign_id: int) -> Sight:
    found = campaigns.get(session, campaign_id)
    return Sight(found, campaigns.progress(session, found), person_of(session, found))


def _draw_progress(seen: Sight) -> None:
    if seen.campaign.state is CampaignState.SCHEDULED and seen.campaign.scheduled_at is not None:
        text(_("Goes out: {time}").format(time=phrases.when(seen.campaign.scheduled_at)), "prose")
        return
    shares = Shares.of(seen.progress)
    with box("progress").props(f'role="progressbar" aria-valuenow="{shares.sent}" aria-valuemax="{shares.total}"'):
        for count, tone in ((shares.sent, ""), (shares.failed, "bad"), (shares.dropped, "dull")):
            box(f"progress-part {tone}").style(f"width: {100 * count / max(1, shares.total):.2f}%")
    with box("counts"):
        _count(shares.sent, _("sent"))
        _count(shares.to_come, _("still to come"))
        _count(shares.failed, _("not delivered or unclear"))
        _count(shares.dropped, _("held back"))
        _count(seen.progress.left_out, _("left out"))


def _count(number: int, words: str) -> None:
    with box("count-cell"):
        text(str(number), "counts-number")
        text(words, "dim")


def _draw_facts(seen: Sight) -> None:
    campaign = seen.campaign
    with section(_("Details")):
        for name, at in (
            (_("Written"), campaign.created_at),
            (_("Planned for"), campaign.scheduled_at),
            (_("Started"), campaign.started_at),
            (_("Ended"), campaign.finished_at),
        ):
            fact(name, phrases.when(at) if at else "")
    if seen.progress.reasons:
        with section(_("Why some do not get it")):
            for reason, count in sorted(seen.progress.reasons.items(), key=lambda item: -item[1]):
                with box("left-out"):
                    text(phrases.reason(reason), tag="span")
                    text(plural("{n} person", "{n} people", count), "mono", "span")
