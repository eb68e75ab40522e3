"""Broadcasts as a list: what went out, what is going out, what will."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from console import desk, guard, inbox, phrases
from console.frame import frame
from console.language import _
from console.pieces import Canvas, box, empty, link, moment, pill, symbol, text
from console.visits import Visit
from crm import campaigns, customers
from crm.audiences import Audience
from crm.campaign_states import OVER
from crm.campaigns import Progress
from crm.models.campaigns import Campaign, CampaignState
from crm.models.messaging import OutboxState
from crm.models.people import Tier

REDRAW_S = 5.0
TONES = {
    CampaignState.DRAFT: "",
    CampaignState.APPROVED: "info",
    CampaignState.SCHEDULED: "info",
    CampaignState.RUNNING: "good",
    CampaignState.PAUSED: "warn",
    CampaignState.FINISHED: "",
    CampaignState.CANCELLED: "bad",
}


@dataclass(frozen=True)
class Row:
    """One broadcast with how far it came and whom it is for (in a word)."""

    campaign: Campaign
    progress: Progress
    person: str


@guard.page("/broadcasts")
async def page(visit: Visit) -> None:
    """The list, newest first."""
    rows = await desk.look(_find)
    with frame(visit, _("Broadcasts"), await inbox.for_visitor(visit.visitor)):
        with box("tools"):
            text(_("Advertising goes only to customers who agreed to it, in the permitted hours."), "dim")
            with link("/broadcasts/new", "btn primary"):
                symbol("add")
                text(_("New broadcast"), tag="span")
        place = Canvas("stack")

    def draw(found: list[Row]) -> None:
        place.show([_shown(row) for row in found], lambda: _draw(found))

    async def again() -> None:
        draw(await desk.look(_find))

    draw(rows)
    visit.every(REDRAW_S, again)


def _shown(row: Row) -> tuple[object, ...]:
    campaign = row.campaign
    return (campaign.id, campaign.name, campaign.text, campaign.state, campaign.pause_reason, row.progress)


def audience_words(audience: Audience, person: str = "") -> str:
    """Whom it is for, as people say it."""
    if audience.get("kind") == "tier":
        return _("Tier {tier}").format(tier=phrases.word(Tier(audience["tier"])))
    if audience.get("kind") == "person":
        return _("Test: {name}").format(name=person)
    return _("All customers")


def person_of(session: Session, campaign: Campaign) -> str:
    """The name of the test person, if it is for one."""
    if campaign.audience.get("kind") != "person":
        return ""
    return customers.get(session, campaign.audience["customer_id"]).name


_over: dict[tuple[int, datetime | None], Progress] = {}


def _find(session: Session) -> list[Row]:
    listed = campaigns.listing(session, limit=50)
    return [Row(each, _progress(session, each), person_of(session, each)) for each in listed]


def _progress(session: Session, campaign: Campaign) -> Progress:
    """Counted afresh while something moves; of those that are over once, however large they were."""
    if campaign.state not in OVER:
        return campaigns.progress(session, campaign)
    key = (campaign.id, campaign.finished_at)
    if key not in _over:
        counted = campaigns.progress(session, campaign)
        if counted.remaining:
            return counted
        _over[key] = counted
    return _over[key]


def _draw(rows: list[Row]) -> None:
    if not rows:
        empty(
            "campaign",
            _("No broadcasts yet"),
            _("Write the first one: you see whom it reaches and how it reads before anything is sent."),
        )
        return
    with box("card rows"):
        for row in rows:
            _row(row)


def _row(row: Row) -> None:
    campaign, progress = row.campaign, row.progress
    with link(f"/broadcasts/{campaign.id}", "entry"):
        with box("row-main"):
            with box("row-head"):
                text(campaign.name, "strong", "span")
                pill(phrases.word(campaign.state), TONES[campaign.state])
                text(audience_words(campaign.audience, row.person), "dim small", "span")
            if campaign.pause_reason is not None:
                text(phrases.word(campaign.pause_reason), "bad")
            text(campaign.text, "row-words")
        with box("row-end"):
            sent = progress.states.get(OutboxState.SENT, 0)
            if progress.total:
                total = progress.total - progress.left_out
                words = _("{sent} of {total} sent")
                text(words.format(sent=phrases.number(sent), total=phrases.number(total)), "mono")
                with box("mini-bar"):
                    share = 100 * sent / max(1, total)
                    box("").style(f"width: {share:.0f}%")
            else:
                moment(campaign.scheduled_at or campaign.created_at)
