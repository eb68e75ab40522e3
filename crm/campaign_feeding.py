"""What the scheduler does with broadcasts: starts those that are due, queues the next messages, finishes."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from crm import (
    advertisements,
    campaign_approval,
    campaign_bell,
    campaign_recipients,
    campaign_states,
    campaign_watch,
    clock,
    contact_policy,
    outbox,
    reach,
)
from crm.campaign_recipients import ON_THE_WAY, waiting
from crm.contact_policy import Refusal
from crm.models.campaigns import Campaign, CampaignRecipient, CampaignState, PauseReason
from crm.models.messaging import Outbox, OutboxKind, OutboxState
from crm.models.people import ChannelAccount, Customer, Purpose
from crm.outbox import Addressed, Content
from crm.personal_fields import LACKING, MissingField
from crm.settings import settings

BATCH = 100
LIFE = timedelta(days=3)  # an offer that could not be sent by then (its reader's daily allowance was used) is stale
GONE = Refusal.NO_ACCOUNT.value


def start_due(session: Session, moment: datetime, limit: int = BATCH) -> int:
    """Starts what is due, freezing its recipients, and queues the next `limit` messages of each that runs.

    What was due while nobody could start it, and comes too late by now, is recorded as missed.

    Returns:
        How many campaigns were started or missed and people dealt with. Call again, in a transaction of its own,
        until 0.
    """
    due = campaign_states.locked_in(CampaignState.SCHEDULED).where(Campaign.scheduled_at <= moment)
    started = list(session.scalars(due))
    for campaign in started:
        if campaign.scheduled_at is not None and _is_too_late(campaign.scheduled_at, moment):
            campaign_states.miss(session, campaign)
            campaign_bell.ring(session, campaign)
        else:
            _start(session, campaign, moment)
    running = list(session.scalars(campaign_states.locked_in(CampaignState.RUNNING)))
    return len(started) + sum(feed(session, campaign, moment, limit) for campaign in running)


def finish_done(session: Session, moment: datetime) -> int:
    """Finishes the running campaigns of which nothing is on its way any more; takes back what a stop left; how many."""
    locked = campaign_states.locked_in(CampaignState.RUNNING)
    done = [each for each in session.scalars(locked) if not _busy(session, each.id)]
    for campaign in done:
        campaign_states.move(session, campaign, CampaignState.FINISHED, None)
        campaign.finished_at = moment
    return len(done) + sum(campaign_recipients.withdraw(session, each) for each in _left_over(session))


def any_due(session: Session, moment: datetime) -> bool:
    """Whether `start_due` or `finish_done` may have something to do; only reads."""
    waits = and_(Campaign.state == CampaignState.SCHEDULED, Campaign.scheduled_at <= moment)
    either = select(Campaign.id).where(or_(waits, Campaign.state == CampaignState.RUNNING))
    return session.scalar(either.limit(1)) is not None or bool(_left_over(session))


def _is_too_late(scheduled_at: datetime, moment: datetime) -> bool:
    """Whether a campaign shall not start by itself any more: hours late, or when the day it was meant for is over.

    One that a person scheduled within the night is meant for the morning.
    """
    meant = contact_policy.opening(scheduled_at, settings()) or scheduled_at
    late = moment - meant
    closed = contact_policy.opening(moment, settings()) is not None
    return late > timedelta(0) and (closed or late > timedelta(hours=settings().campaign_late_h))


def _start(session: Session, campaign: Campaign, moment: datetime) -> None:
    campaign_states.move(session, campaign, CampaignState.RUNNING, None)
    campaign.started_at = moment
    campaign_watch.begin(campaign)
    campaign_recipients.freeze(session, campaign)
    people = campaign_recipients.reachable(session, campaign.id)
    # The audience may have grown since one person let it go.
    if campaign_approval.needs_second(people) and campaign.approved_by == campaign.author_id:
        campaign_states.halt(session, campaign, PauseReason.APPROVAL, people=people)
        campaign_bell.ring(session, campaign)
        campaign.approved_by = None


def feed(session: Session, campaign: Campaign, moment: datetime, limit: int = BATCH) -> int:
    """Queues the next messages of a running `campaign`, which is locked, as far as there is room; for how many people.

    It may pause by itself here.
    """
    if not _busy(session, campaign.id):
        return 0
    if campaign.version > 1:  # a message that was on its way during an edit may have come back with the old text
        campaign_recipients.let_wait_again(session, campaign, campaign.version)
    room = campaign_watch.room(session, campaign, moment)
    return _queue_next(session, campaign, min(limit, room)) if room > 0 else 0


def _queue_next(session: Session, campaign: Campaign, limit: int) -> int:
    next_ones = (
        select(CampaignRecipient, Customer, reach.account_id(settings().bot_id))
        .outerjoin(Customer, Customer.id == CampaignRecipient.customer_id)
        .where(*waiting(campaign.id))
        .order_by(CampaignRecipient.rank, CampaignRecipient.id)
        .limit(limit)
    )
    rows = session.execute(next_ones).all()
    accounts = reach.accounts(session, (account_id for _, _, account_id in rows))
    letters: dict[int, Addressed] = {}
    for recipient, customer, account_id in rows:
        if account_id is None:
            recipient.reason = GONE
        elif letter := _letter(campaign, recipient, customer, accounts[account_id]):
            letters[recipient.id] = letter
    _enqueue(session, campaign, letters)
    return len(rows)


def _letter(
    campaign: Campaign, recipient: CampaignRecipient, customer: Customer, account: ChannelAccount
) -> Addressed | None:
    """The recipient's message; None when it would have a hole, which is then written down."""
    try:
        text = advertisements.render(campaign.text, customer)
    except MissingField:  # they had it when the recipients were frozen
        recipient.reason = LACKING
        return None
    key = f"campaign:{campaign.id}:{customer.id}" + (f":{recipient.attempt}" if recipient.attempt > 1 else "")
    return Addressed(account, Content(text), key)


def _enqueue(session: Session, campaign: Campaign, letters: Mapping[int, Addressed]) -> None:
    """Queues the messages, by their recipient's number, and notes on each recipient which is theirs."""
    numbers = outbox.enqueue_many(
        session,
        list(letters.values()),
        kind=OutboxKind.MARKETING,
        purpose=Purpose.MARKETING,
        expires_at=clock.now() + LIFE,
        campaign_id=campaign.id,
    )
    for recipient_id, letter in letters.items():
        recipient = session.get_one(CampaignRecipient, recipient_id)
        recipient.version, recipient.outbox_id = campaign.version, numbers[letter.dedupe_key]
    session.flush()


def _busy(session: Session, campaign_id: int) -> bool:
    unqueued = select(CampaignRecipient.id).where(*waiting(campaign_id))
    moving = select(Outbox.id).where(Outbox.campaign_id == campaign_id, Outbox.state.in_(ON_THE_WAY))
    return any(session.scalar(query.limit(1)) is not None for query in (unqueued, moving))


def _left_over(session: Session) -> list[Campaign]:
    """Stopped campaigns of which a message came back into the queue: it was on its way when they were stopped."""
    back = select(Outbox.id).where(Outbox.campaign_id == Campaign.id, Outbox.state == OutboxState.QUEUED)
    return list(session.scalars(select(Campaign).where(Campaign.state == CampaignState.CANCELLED, back.exists())))
