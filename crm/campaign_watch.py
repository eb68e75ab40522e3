"""How many messages of a broadcast may be on their way: first a canary, then all, none once too many go wrong."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from crm import campaign_bell, campaign_states, clock, contact_policy
from crm.models.campaigns import Campaign, PauseReason
from crm.models.messaging import Outbox, OutboxState
from crm.settings import settings

WATCHED = 100  # of the messages tried last, so many are looked at
ENOUGH = 20  # fewer say nothing; a canary says as much as its size
AHEAD = timedelta(seconds=30)  # so much sending is queued at a time: an edit or a stop has little to take back
LEAST_AHEAD = 200
_TRIED = (OutboxState.SENT, OutboxState.FAILED, OutboxState.UNKNOWN)


@dataclass(frozen=True)
class Tried:
    """The messages tried last: how many, and how many of them were not delivered or are unclear."""

    count: int
    errors: int

    @property
    def rate(self) -> float:
        return self.errors / self.count if self.count else 0.0


def room(session: Session, campaign: Campaign, moment: datetime) -> int:
    """How many more messages of the running `campaign` may be queued now.

    Looks at what became of those tried since it was started or taken up again: the canary passes, or the campaign
    pauses by itself with the reason ERRORS.
    """
    seen, canary = tried(session, campaign), settings().canary
    if seen.count >= (canary or ENOUGH) and seen.rate > settings().campaign_error_rate:
        campaign_states.halt(session, campaign, PauseReason.ERRORS, errors=seen.errors, tried=seen.count)
        campaign_bell.ring(session, campaign)
        return 0
    if campaign.canary_passed_at is None:
        if seen.count < canary:
            return canary - seen.count - _ready(session, campaign, moment)
        campaign.canary_passed_at = moment
    ahead = max(LEAST_AHEAD, round(settings().send_rate * AHEAD.total_seconds()))
    return ahead - _ready(session, campaign, moment)


def begin(campaign: Campaign) -> None:
    """A new canary: nothing of what was tried before counts any more."""
    campaign.watched_since, campaign.canary_passed_at = clock.now(), None


def tried(session: Session, campaign: Campaign) -> Tried:
    """What became of the last messages that were tried, those of a text or cause that is over left aside."""
    last = (
        select(Outbox.state)
        .where(Outbox.campaign_id == campaign.id, Outbox.sending_at >= campaign.watched_since)
        .where(Outbox.state.in_(_TRIED))
        .order_by(Outbox.sending_at.desc())
        .limit(max(WATCHED, settings().canary))
    )
    states = list(session.scalars(last))
    return Tried(len(states), sum(state is not OutboxState.SENT for state in states))


def _ready(session: Session, campaign: Campaign, moment: datetime) -> int:
    """Messages on their way, but for those that wait for another day: they shall not keep the others waiting."""
    today = contact_policy.opening(moment, settings()) or moment
    queued = and_(Outbox.state == OutboxState.QUEUED, Outbox.not_before <= today)
    on_the_way = or_(queued, Outbox.state == OutboxState.SENDING)
    return session.scalar(select(func.count()).where(Outbox.campaign_id == campaign.id, on_the_way)) or 0
