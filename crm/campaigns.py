"""Broadcasts: written, scheduled, frozen and queued when their time comes, watched, stopped."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, func, insert, literal, or_, select, update
from sqlalchemy.orm import Session

from crm import advertisements, audiences, audit, clock, dispatch, outbox, reach
from crm.audiences import Audience, Estimate
from crm.contact_policy import Refusal
from crm.errors import IllegalTransition, InvalidInput, NotFound, PermissionDenied
from crm.models.campaigns import Campaign, CampaignRecipient, CampaignState
from crm.models.messaging import Outbox, OutboxKind, OutboxState
from crm.models.people import ChannelAccount, Customer, Purpose
from crm.models.staff import Role, Staff
from crm.outbox import Content
from crm.settings import settings

BATCH = 100
LIFE = timedelta(days=3)  # an offer that could not be sent by then (its reader's daily allowance was used) is stale
STOPPED = "campaign_stopped"
GONE = Refusal.NO_ACCOUNT.value
_MAY = (Role.MARKETING, Role.ADMIN)
_ON_THE_WAY = (OutboxState.QUEUED, OutboxState.SENDING)
LEGAL = {
    CampaignState.DRAFT: {CampaignState.SCHEDULED, CampaignState.CANCELLED},
    CampaignState.SCHEDULED: {CampaignState.DRAFT, CampaignState.RUNNING, CampaignState.CANCELLED},
    CampaignState.RUNNING: {CampaignState.FINISHED, CampaignState.CANCELLED},
    CampaignState.FINISHED: set(),
    CampaignState.CANCELLED: set(),
}


@dataclass(frozen=True)
class Progress:
    """Counts of people. `waiting`: frozen but not yet queued; `states`: those queued, by state of their message;
    `reasons`: why people were left out, skipped or failed. The counts of waiting, states and left out add up to total.
    """

    total: int
    waiting: int
    left_out: int
    states: dict[OutboxState, int]
    reasons: dict[str, int]

    @property
    def done(self) -> int:
        """People with whom nothing more will happen."""
        return self.total - self.waiting - sum(self.states.get(state, 0) for state in _ON_THE_WAY)


def create(session: Session, staff: Staff, name: str, body: str, audience: Audience) -> Campaign:
    """A draft. Raises InvalidInput (name, text or audience) and PermissionDenied."""
    _permit(staff)
    campaign = Campaign(state=CampaignState.DRAFT, created_by=staff.id, created_at=clock.now())
    _write(campaign, name, body, audience)
    session.add(campaign)
    session.flush()
    audit.record(session, staff, "campaign_create", "campaign", campaign.id)
    return campaign


def edit(session: Session, campaign: Campaign, staff: Staff, name: str, body: str, audience: Audience) -> None:
    """Rewrites a draft. Raises IllegalTransition for anything but a draft, else as `create`."""
    _permit(staff)
    _lock(session, campaign)
    if campaign.state is not CampaignState.DRAFT:
        raise IllegalTransition(f"campaign {campaign.id} is {campaign.state}: only a draft can be edited")
    _write(campaign, name, body, audience)
    audit.record(session, staff, "campaign_edit", "campaign", campaign.id)


def get(session: Session, campaign_id: int) -> Campaign:
    """The campaign; raises NotFound."""
    campaign = session.get(Campaign, campaign_id)
    if campaign is None:
        raise NotFound(f"campaign {campaign_id}")
    return campaign


def listing(session: Session, limit: int = 100) -> list[Campaign]:
    """Campaigns, newest first."""
    return list(session.scalars(select(Campaign).order_by(Campaign.id.desc()).limit(limit)))


def audience_of(session: Session, campaign: Campaign) -> Estimate:
    """How many the campaign would reach now."""
    return audiences.estimate(session, campaign.audience)


def estimate(session: Session, audience: Audience) -> Estimate:
    """How many an audience would reach now, and why others not. Raises InvalidInput."""
    return audiences.estimate(session, audience)


def render(body: str, customer: Customer) -> str:
    """What the customer would read, checked as when saving. Raises InvalidInput."""
    return advertisements.render(advertisements.check(body), customer)


def schedule(session: Session, campaign: Campaign, staff: Staff, at: datetime | None = None) -> None:
    """Sends now (`at` None) or at an aware moment to come. Raises InvalidInput, IllegalTransition, PermissionDenied."""
    moment = clock.now()
    if at is not None and (at.tzinfo is None or at < moment):
        raise InvalidInput("at", "a moment to come, with its timezone")
    advertisements.check(campaign.text)
    _move(session, campaign, CampaignState.SCHEDULED, staff)
    campaign.scheduled_at = at or moment


def unschedule(session: Session, campaign: Campaign, staff: Staff) -> None:
    """Makes a scheduled campaign a draft again. Raises IllegalTransition once it runs."""
    _move(session, campaign, CampaignState.DRAFT, staff)
    campaign.scheduled_at = None


def cancel(session: Session, campaign: Campaign, staff: Staff) -> int:
    """Stops at once whatever is not sent yet; returns how many messages were taken back. Raises IllegalTransition."""
    _move(session, campaign, CampaignState.CANCELLED, staff)
    campaign.finished_at = clock.now()
    session.execute(update(CampaignRecipient).where(*_waiting(campaign.id)).values(reason=STOPPED))
    return dispatch.withdraw(session, campaign.id, STOPPED)


def start_due(session: Session, moment: datetime, limit: int = BATCH) -> int:
    """Starts what is due, freezing its recipients, and queues the next `limit` messages of each that runs.

    Returns:
        How many campaigns were started and people dealt with. Call again, in a transaction of its own, until 0.
    """
    due = _locked_in(CampaignState.SCHEDULED).where(Campaign.scheduled_at <= moment)
    started = list(session.scalars(due))
    for campaign in started:
        _move(session, campaign, CampaignState.RUNNING, None)
        campaign.started_at = moment
        _freeze(session, campaign)
    running = list(session.scalars(_locked_in(CampaignState.RUNNING)))
    return len(started) + sum(_queue_next(session, campaign, limit) for campaign in running)


def finish_done(session: Session, moment: datetime) -> int:
    """Finishes the running campaigns of which nothing is on its way any more; returns how many."""
    done = [each for each in session.scalars(_locked_in(CampaignState.RUNNING)) if not _busy(session, each.id)]
    for campaign in done:
        _move(session, campaign, CampaignState.FINISHED, None)
        campaign.finished_at = moment
    return len(done)


def any_due(session: Session, moment: datetime) -> bool:
    """Whether `start_due` or `finish_done` may have something to do; only reads."""
    waits = and_(Campaign.state == CampaignState.SCHEDULED, Campaign.scheduled_at <= moment)
    either = select(Campaign.id).where(or_(waits, Campaign.state == CampaignState.RUNNING))
    return session.scalar(either.limit(1)) is not None


def progress(session: Session, campaign: Campaign) -> Progress:
    """How far it has come, from one pass over its recipients."""
    counted = (
        select(Outbox.state, CampaignRecipient.reason, Outbox.reason, func.count())
        .select_from(CampaignRecipient)
        .outerjoin(Outbox, Outbox.id == CampaignRecipient.outbox_id)
        .where(CampaignRecipient.campaign_id == campaign.id)
        .group_by(Outbox.state, CampaignRecipient.reason, Outbox.reason)
    )
    states: Counter[OutboxState] = Counter()
    reasons: Counter[str] = Counter()
    total = waiting = left_out = 0
    for state, frozen, later, count in session.execute(counted):
        total += count
        if state is not None:
            states[state] += count
        elif frozen is None:
            waiting += count
        else:
            left_out += count
        if state not in _ON_THE_WAY and (why := frozen or later) is not None:
            reasons[why] += count
    return Progress(total, waiting, left_out, dict(states), dict(reasons))


def _write(campaign: Campaign, name: str, body: str, audience: Audience) -> None:
    if not 1 <= len(name.strip()) <= 200:
        raise InvalidInput("name", "1 to 200 characters")
    audiences.holds(audience)
    campaign.name, campaign.text, campaign.audience = name.strip(), advertisements.check(body), audience


def _permit(staff: Staff) -> None:
    if staff.role not in _MAY:
        raise PermissionDenied(f"{staff.username} ({staff.role}) may not send broadcasts")


def _lock(session: Session, campaign: Campaign) -> None:
    """Takes the row and reads it again: what another transaction made of it counts."""
    session.flush()
    session.refresh(campaign, with_for_update=True)


def _move(session: Session, campaign: Campaign, to: CampaignState, staff: Staff | None) -> None:
    """The one function through which a campaign changes state; `staff` None is the scheduler."""
    if staff is not None:
        _permit(staff)
    _lock(session, campaign)
    if to not in LEGAL[campaign.state]:
        raise IllegalTransition(f"campaign {campaign.id}: {campaign.state} -> {to}")
    campaign.state = to
    if staff is not None:
        audit.record(session, staff, f"campaign_{to.value}", "campaign", campaign.id)


def _freeze(session: Session, campaign: Campaign) -> None:
    """Writes down everybody the audience holds at this moment, with why some are left out, in one statement."""
    chosen = select(literal(campaign.id), Customer.id, audiences.refusal()).where(audiences.holds(campaign.audience))
    columns = ["campaign_id", "customer_id", "reason"]
    session.execute(insert(CampaignRecipient).from_select(columns, chosen.order_by(Customer.id)))


def _locked_in(state: CampaignState) -> Select[Campaign]:
    # Locking the campaign before anything of it: a stop either waits for a batch and then takes its messages back, or
    # comes first and the batch finds nothing to do.
    return select(Campaign).where(Campaign.state == state).order_by(Campaign.id).with_for_update(skip_locked=True)


def _waiting(campaign_id: int) -> tuple[ColumnElement[bool], ...]:
    unqueued = (CampaignRecipient.outbox_id.is_(None), CampaignRecipient.reason.is_(None))
    return (CampaignRecipient.campaign_id == campaign_id, *unqueued)


def _queue_next(session: Session, campaign: Campaign, limit: int) -> int:
    next_ones = (
        select(CampaignRecipient, Customer, reach.account_id(settings().bot_id))
        .join(Customer, Customer.id == CampaignRecipient.customer_id)
        .where(*_waiting(campaign.id))
        .order_by(CampaignRecipient.id)
        .limit(limit)
    )
    rows = session.execute(next_ones).all()
    accounts = reach.accounts(session, (account_id for _, _, account_id in rows))
    for recipient, customer, account_id in rows:
        if account_id is None:
            recipient.reason = GONE
        else:
            recipient.outbox_id = _enqueue(session, campaign, customer, accounts[account_id])
    session.flush()
    return len(rows)


def _enqueue(session: Session, campaign: Campaign, customer: Customer, account: ChannelAccount) -> int | None:
    key = f"campaign:{campaign.id}:{customer.id}"
    row = outbox.enqueue(
        session,
        account,
        Content(advertisements.render(campaign.text, customer)),
        kind=OutboxKind.MARKETING,
        purpose=Purpose.MARKETING,
        dedupe_key=key,
        expires_at=(campaign.started_at or clock.now()) + LIFE,
        campaign_id=campaign.id,
    )
    return row.id if row is not None else session.scalar(select(Outbox.id).where(Outbox.dedupe_key == key))


def _busy(session: Session, campaign_id: int) -> bool:
    waiting = select(CampaignRecipient.id).where(*_waiting(campaign_id))
    moving = select(Outbox.id).where(Outbox.campaign_id == campaign_id, Outbox.state.in_(_ON_THE_WAY))
    return any(session.scalar(query.limit(1)) is not None for query in (waiting, moving))
