"""Whom a text would reach, what some of them lack for it, and how one of them would read it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from console import phrases, refusals
from console.language import _, plural
from console.pieces import box, text
from crm import advertisements, audiences, campaign_approval, campaign_estimate, campaign_recipients, campaigns, clock
from crm.audiences import Audience, Estimate
from crm.campaign_states import BEFORE
from crm.errors import InvalidInput
from crm.models.campaigns import Campaign
from crm.models.people import Address, Customer
from crm.settings import settings


@dataclass(frozen=True)
class Reach:
    """`estimate` is None while nobody is chosen. `lacking`: how many of those reached lack a field, by field.
    `nameless`: how many have no name. `rendered`: what `reader` reads, or what is wrong if `right` is False.
    """

    estimate: Estimate | None
    lacking: dict[str, int]
    nameless: int
    finish: datetime | None
    rendered: str
    right: bool
    reader: str


def look(session: Session, campaign_id: int | None, audience: Audience | None, body: str) -> Reach:
    """What the form shows for what is written in it."""
    reader = _reader(session, audience)
    rendered, right = _rendered(body, reader)
    if audience is None:
        return Reach(None, {}, 0, None, rendered, right, reader.name)
    campaign = campaigns.get(session, campaign_id) if campaign_id is not None else None
    found = _estimate(session, campaign, audience)
    return Reach(
        estimate=found,
        lacking=_lacking(session, campaign, audience, body),
        nameless=audiences.nameless(session, audience) if "{name}" in body else 0,
        finish=campaign_estimate.finish_if_sent(session, found.reach, clock.now(), settings()),
        rendered=rendered,
        right=right,
        reader=reader.name,
    )


def draw(found: Reach) -> None:
    """How many get it and when it would be through, who is left out, and what is missing."""
    if found.estimate is None:
        text(_("Search for the person above."), "dim")
        return
    reach, left_out = found.estimate.reach, found.estimate.left_out
    with box("reach"):
        text(phrases.number(reach), "reach-number")
        text(plural("customer receives it", "customers receive it", reach), "dim")
    if reach and found.finish is not None:
        text(_("Sent now, it would be through at about {time}.").format(time=phrases.when(found.finish)), "dim")
    if campaign_approval.needs_second(reach):
        limit = phrases.number(settings().approval_above)
        text(_("More than {limit} people: a second person must approve it.").format(limit=limit), "promise")
    _draw_lacking(found)
    if left_out:
        number = found.estimate.total - reach
        text(plural("{n} is left out, because the person", "{n} are left out, because the person", number), "dim")
    for reason, count in sorted(left_out.items(), key=lambda item: -item[1]):
        with box("left-out"):
            text(phrases.reason(reason.value), tag="span")
            text(phrases.number(count), "mono", "span")


def _draw_lacking(found: Reach) -> None:
    for field, count in found.lacking.items():
        words = _("Without {field}: {n} people").format(n=phrases.number(count), field=phrases.field(field))
        text(words, "lacking")
    if found.lacking:
        text(_("Take it out of the text, or write words for them behind a line: {tier|…}."), "hint")
    if found.nameless:
        words = plural(
            "{n} has no name here: the form of address stands alone.",
            "{n} have no name here: the form of address stands alone.",
            found.nameless,
        )
        text(words, "dim")


def _estimate(session: Session, campaign: Campaign | None, audience: Audience) -> Estimate:
    if campaign is None or campaign.state in BEFORE:
        return audiences.estimate(session, audience)
    return Estimate(campaign_recipients.progress(session, campaign).remaining, {})


def _lacking(session: Session, campaign: Campaign | None, audience: Audience, body: str) -> dict[str, int]:
    try:
        if campaign is None or campaign.state in BEFORE:
            return audiences.lacking(session, audience, body)
        return campaign_recipients.lacking(session, campaign, body)
    except InvalidInput:
        return {}  # the preview says what is wrong with the text


def _rendered(body: str, reader: Customer) -> tuple[str, bool]:
    if not body.strip():
        return _("Your text appears here."), True
    try:
        return advertisements.preview(body, reader), True
    except InvalidInput as error:
        return refusals.refusal(error), False


def _reader(session: Session, audience: Audience | None) -> Customer:
    found = None
    if audience is not None:
        likely = select(Customer).where(audiences.holds(audience), audiences.refusal().is_(None), Customer.name != "")
        found = session.scalar(likely.order_by(Customer.id).limit(1))
    return found or Customer(name="", address=Address.UNKNOWN)
