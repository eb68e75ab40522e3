"""When a broadcast will be through: from the allowed rate, the permitted hours and everybody's daily allowance."""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crm import audiences, clock
from crm.campaign_recipients import ON_THE_WAY, progress
from crm.campaign_states import BEFORE, OVER
from crm.models.campaigns import Campaign, CampaignRecipient, CampaignState
from crm.models.messaging import Outbox, OutboxKind, OutboxState
from crm.models.people import ChannelAccount
from crm.settings import Settings

LATELY = timedelta(minutes=5)
LEAST_RATE = 0.5  # conversations may take all the rate at times, never for long
_LONGEST = timedelta(days=3650)


def finish_of(session: Session, campaign: Campaign, moment: datetime, settings: Settings) -> datetime | None:
    """When the last message of `campaign` will be sent if nobody interferes (one that is paused: goes on now).

    None when it is over, has no time to begin at, or will never end.
    """
    if campaign.state in OVER:
        return None
    rate = rate_now(session, moment, settings)
    ahead = _ahead(session, campaign)
    if campaign.state in BEFORE:
        begins = max(moment, campaign.scheduled_at or moment)
        return finish_at(begins, ahead + audiences.estimate(session, campaign.audience).reach, 0, rate, settings)
    deferred = _had_theirs_today(session, campaign, moment, settings)
    return finish_at(moment, ahead + progress(session, campaign).remaining, deferred, rate, settings)


def finish_at(moment: datetime, remaining: int, deferred: int, rate: float, settings: Settings) -> datetime | None:
    """When `remaining` messages are sent, of which `deferred` not before tomorrow, at `rate` a second from `moment`.

    Nothing is sent outside of the permitted hours. None: never.
    """
    if remaining and (rate <= 0 or settings.marketing_per_day == 0):
        return None
    now, later = max(0.0, remaining - deferred), float(min(deferred, remaining))
    day, end = clock.local(moment, settings.zone).date(), moment
    while now or later:
        opens = clock.at_local(day, settings.quiet_until_hour, settings.zone)
        begins, ends = max(moment, opens), clock.at_local(day, settings.quiet_from_hour, settings.zone)
        sent = min(now, max(0.0, (ends - begins).total_seconds() * rate))
        if sent:
            end = begins + timedelta(seconds=sent / rate)
        now, later, day = now - sent + later, 0.0, day + timedelta(days=1)
        if opens - moment > _LONGEST:
            return None
    return end


def rate_now(session: Session, moment: datetime, settings: Settings) -> float:
    """Messages a second that replies and care, which go first, have lately left for broadcasts."""
    others = select(func.count()).where(Outbox.sent_at >= moment - LATELY, Outbox.kind != OutboxKind.MARKETING)
    return max(LEAST_RATE, settings.send_rate - (session.scalar(others) or 0) / LATELY.total_seconds())


def _ahead(session: Session, campaign: Campaign) -> int:
    """How many people of other running broadcasts come first: they are sent one after the other, the oldest first."""
    others = select(Campaign).where(Campaign.state == CampaignState.RUNNING, Campaign.id < campaign.id)
    return sum(progress(session, each).remaining for each in session.scalars(others))


def _had_theirs_today(session: Session, campaign: Campaign, moment: datetime, settings: Settings) -> int:
    """How many of those not sent to yet have had as many advertisements today as anybody may have."""
    midnight = clock.at_local(clock.local(moment, settings.zone).date(), 0, settings.zone)
    had = (
        select(Outbox.account_id)
        .where(Outbox.sent_at >= midnight, Outbox.kind == OutboxKind.MARKETING, Outbox.state == OutboxState.SENT)
        .group_by(Outbox.account_id)
        .having(func.count() >= settings.marketing_per_day)
    )
    people = select(ChannelAccount.customer_id).where(ChannelAccount.id.in_(had))
    left = (
        select(func.count())
        .select_from(CampaignRecipient)
        .outerjoin(Outbox, Outbox.id == CampaignRecipient.outbox_id)
        .where(CampaignRecipient.campaign_id == campaign.id, CampaignRecipient.reason.is_(None))
        .where(Outbox.id.is_(None) | Outbox.state.in_(ON_THE_WAY), CampaignRecipient.customer_id.in_(people))
    )
    return session.scalar(left) or 0
