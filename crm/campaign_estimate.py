"""When a broadcast will be through: from the allowed rate, the permitted hours and everybody's daily allowance."""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crm import audiences, campaign_watch, clock
from crm.campaign_recipients import ON_THE_WAY, progress
from crm.campaign_states import BEFORE, OVER
from crm.models.campaigns import Campaign, CampaignRecipient, CampaignState, PauseReason
from crm.models.messaging import Outbox, OutboxKind, OutboxState
from crm.models.people import ChannelAccount
from crm.settings import Settings

LATELY = timedelta(minutes=5)
LEAST_RATE = 0.5  # conversations may take all the rate at times, never for long
LOOK_S = 3.0  # the scheduler looks after broadcasts so often: it starts one, and sends the others after a canary
MEASURED = 500  # without a limit the rate is that of so many messages sent last
UNMEASURED_S = 60.0  # and before anything was sent, a minute is said
_LONGEST = timedelta(days=3650)


def finish_of(session: Session, campaign: Campaign, moment: datetime, settings: Settings) -> datetime | None:
    """When the last message of `campaign` will be sent if nobody interferes (one that is paused: goes on now).

    None when it is over, has no time to begin at, or will never end.
    """
    if campaign.state in OVER:
        return None
    ahead = _ahead(session, campaign)
    if campaign.state in BEFORE:
        people = ahead + audiences.estimate(session, campaign.audience).reach
        begins = max(moment, campaign.scheduled_at or moment)
        return _finish(session, campaign, begins, people, 0, settings)
    people = ahead + progress(session, campaign).remaining
    return _finish(session, campaign, moment, people, _had_theirs_today(session, campaign, moment, settings), settings)


def finish_if_sent(session: Session, people: int, moment: datetime, settings: Settings) -> datetime | None:
    """When a broadcast to `people` would be through if it were sent at `moment`; None: never."""
    return _finish(session, None, moment, people, 0, settings)


def _finish(
    session: Session, campaign: Campaign | None, begins: datetime, people: int, deferred: int, settings: Settings
) -> datetime | None:
    rate = _rate(session, campaign, people, settings)
    wait_s = _wait_s(session, campaign, begins, people, rate, settings)
    return finish_at(begins + timedelta(seconds=wait_s), people, deferred, rate, settings)


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


def _rate(session: Session, campaign: Campaign | None, people: int, settings: Settings) -> float:
    """Messages a second that replies and care, which go first, have lately left for broadcasts.

    Without a limit: those that were sent of `campaign`, or as many as make a minute of all its people.
    """
    if not settings.send_rate:
        return _measured(session, campaign) or max(1, people) / UNMEASURED_S
    lately = clock.now() - LATELY
    others = select(func.count()).where(Outbox.sent_at >= lately, Outbox.kind != OutboxKind.MARKETING)
    return max(LEAST_RATE, settings.send_rate - (session.scalar(others) or 0) / LATELY.total_seconds())


def _measured(session: Session, campaign: Campaign | None) -> float | None:
    """Messages a second of those of `campaign` that were sent last; None while there are too few to say."""
    if campaign is None:
        return None
    sent = select(Outbox.sent_at).where(Outbox.campaign_id == campaign.id, Outbox.state == OutboxState.SENT)
    moments = [at for at in session.scalars(sent.order_by(Outbox.sending_at.desc()).limit(MEASURED)) if at is not None]
    first = min(moments, default=clock.now())
    took_s = (max(moments, default=first) - first).total_seconds()
    return sum(at > first for at in moments) / took_s if took_s else None


def _wait_s(
    session: Session, campaign: Campaign | None, begins: datetime, people: int, rate: float, settings: Settings
) -> float:
    """Seconds during which nothing goes out although it might: until the start, and between the canary and the rest."""
    start_s = LOOK_S / 2 if campaign is None or campaign.state in BEFORE else 0.0  # on the average
    if not settings.canary or (campaign is not None and _needs_no_canary(campaign)):
        return start_s
    sent, begun = 0, begins
    if campaign is not None and campaign.state is CampaignState.RUNNING:
        sent, begun = campaign_watch.tried(session, campaign).count, campaign.watched_since or begins
    left = max(0, settings.canary - sent)
    if people <= left:
        return start_s
    gone_s = (begins - begun).total_seconds() + left / rate
    return start_s + LOOK_S - gone_s % LOOK_S


def _needs_no_canary(campaign: Campaign) -> bool:
    return campaign.canary_passed_at is not None and campaign.pause_reason is not PauseReason.ERRORS


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
