"""The people of a broadcast: frozen when it starts, each with the message made for them or why there is none.

Every count here adds up: a recipient waits, was left out, or has one message, which is in one state.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, Select, case, exists, func, insert, literal, or_, select, update
from sqlalchemy.orm import Session, aliased

from crm import audiences, dispatch, outbox, personal_fields
from crm.models.campaigns import Campaign, CampaignRecipient, CampaignState
from crm.models.catalogue import Purchase, PurchaseStatus
from crm.models.messaging import Outbox, OutboxState
from crm.models.people import Customer, Stage, Tier

STOPPED = "campaign_stopped"
REWRITTEN = "campaign_edited"
ON_THE_WAY = (OutboxState.QUEUED, OutboxState.SENDING)
_TIERS = (Tier.PLATINUM, Tier.GOLD, Tier.SILVER)


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
        return self.total - self.remaining

    @property
    def remaining(self) -> int:
        """People to whom something may still be sent."""
        return self.waiting + sum(self.states.get(state, 0) for state in ON_THE_WAY)


def freeze(session: Session, campaign: Campaign) -> None:
    """Writes down everybody the audience holds at this moment, with why some are left out, in one statement.

    Among equals the older customers go first, on either database.
    """
    why = func.coalesce(audiences.refusal(), personal_fields.lacking(personal_fields.needed(campaign.text)))
    everybody = select(literal(campaign.id), Customer.id, why, _rank())
    chosen = everybody.where(audiences.holds(campaign.audience)).order_by(Customer.id)
    columns = ["campaign_id", "customer_id", "reason", "rank"]
    session.execute(insert(CampaignRecipient).from_select(columns, chosen))


def _rank() -> ColumnElement[int]:
    """Lower goes first: those who have bought before the others, and among either the higher tiers."""
    bought = exists().where(Purchase.customer_id == Customer.id, Purchase.status != PurchaseStatus.CANCELLED)
    tier = case(*((Customer.tier == tier, number) for number, tier in enumerate(_TIERS)), else_=len(_TIERS))
    return tier + case((or_(Customer.stage == Stage.CURRENT, bought), 0), else_=len(_TIERS) + 1)


def waiting(campaign_id: int) -> tuple[ColumnElement[bool], ...]:
    """Conditions of the recipients for whom nothing is queued yet and nothing speaks against it."""
    unqueued = (CampaignRecipient.outbox_id.is_(None), CampaignRecipient.reason.is_(None))
    return (CampaignRecipient.campaign_id == campaign_id, *unqueued)


def reachable(session: Session, campaign_id: int) -> int:
    """How many were frozen to be written to."""
    mine = (CampaignRecipient.campaign_id == campaign_id, CampaignRecipient.reason.is_(None))
    return session.scalar(select(func.count()).select_from(CampaignRecipient).where(*mine)) or 0


def lacking(session: Session, campaign: Campaign, body: str) -> dict[str, int]:
    """How many of those not sent to yet lack each field that `body` needs. Raises InvalidInput."""
    fields = personal_fields.needed(body)
    if not fields:
        return {}
    counts = [func.count(case((personal_fields.FIELDS[field].lacking(), 1))) for field in fields]
    left = (
        select(*counts)
        .select_from(CampaignRecipient)
        .join(Customer)
        .outerjoin(Outbox, Outbox.id == CampaignRecipient.outbox_id)
        .where(CampaignRecipient.campaign_id == campaign.id, CampaignRecipient.reason.is_(None))
        .where(or_(Outbox.id.is_(None), Outbox.state == OutboxState.QUEUED))
    )
    return {field: count for field, count in zip(fields, session.execute(left).one(), strict=True) if count}


def let_wait_again(session: Session, campaign: Campaign, version: int) -> int:
    """Takes back what is queued with a text older than `version`: its people wait for the new one; how many.

    What is on its way at this moment keeps the text it has, and `version` on its row says which.
    """
    queued = select(CampaignRecipient.outbox_id).join(Outbox, Outbox.id == CampaignRecipient.outbox_id)
    older = queued.where(
        Outbox.campaign_id == campaign.id, Outbox.state == OutboxState.QUEUED, CampaignRecipient.version < version
    )
    taken: CursorResult[Any] = session.execute(  # type: ignore[assignment]
        update(Outbox)
        .where(Outbox.id.in_(older), Outbox.state == OutboxState.QUEUED)
        .values(state=OutboxState.SKIPPED, reason=REWRITTEN)
        .execution_options(synchronize_session=False)
    )
    if taken.rowcount:
        withdrawn = select(Outbox.id).where(
            Outbox.campaign_id == campaign.id, Outbox.state == OutboxState.SKIPPED, Outbox.reason == REWRITTEN
        )
        _forget_message(session, campaign, withdrawn)
    return taken.rowcount


def send_again(session: Session, campaign: Campaign, state: OutboxState) -> int:
    """Lets those whose message is in `state` wait for another one; how many."""
    return _forget_message(
        session, campaign, select(Outbox.id).where(Outbox.campaign_id == campaign.id, Outbox.state == state)
    )


def _forget_message(session: Session, campaign: Campaign, messages: Select[Any]) -> int:
    again: CursorResult[Any] = session.execute(  # type: ignore[assignment]
        update(CampaignRecipient)
        .where(CampaignRecipient.campaign_id == campaign.id, CampaignRecipient.outbox_id.in_(messages))
        .values(outbox_id=None, version=None, attempt=CampaignRecipient.attempt + 1)
        .execution_options(synchronize_session=False)
    )
    return again.rowcount


def merge(session: Session, kept_id: int, gone_id: int) -> None:
    """Of each broadcast to both records, now one person's, one message goes out: what is queued beside it ends.

    It stays ended if the merge is taken back: by then the person may have read the other one.
    """
    records = (kept_id, gone_id)
    theirs_too = select(CampaignRecipient.campaign_id).where(CampaignRecipient.customer_id.in_(records))
    under_way = Campaign.id.in_(theirs_too) & Campaign.state.in_((CampaignState.RUNNING, CampaignState.PAUSED))
    # Held against whoever queues the next messages: what is being queued now would not be seen.
    session.execute(select(Campaign.id).where(under_way).order_by(Campaign.id).with_for_update(key_share=True)).all()
    kept, gone = aliased(CampaignRecipient), aliased(CampaignRecipient)
    both = select(kept, gone).join(gone, gone.campaign_id == kept.campaign_id)
    both = both.where(kept.customer_id == kept_id, gone.customer_id == gone_id)
    pairs = session.execute(both.execution_options(populate_existing=True)).all()
    messages = outbox.hold(session, {each.outbox_id for pair in pairs for each in pair if each.outbox_id is not None})
    for mine, theirs in pairs:
        ours, other = (messages[each.outbox_id] if each.outbox_id else None for each in (mine, theirs))
        if ours is not None and other is not None:
            outbox.end_second(ours, other)
        elif ours is not None and theirs.reason == outbox.MERGED:
            outbox.end_merged(ours)
        elif other is not None and outbox.had(other):
            mine.reason = mine.reason or outbox.MERGED
        elif other is not None and mine.reason in (None, outbox.MERGED):
            outbox.end_merged(other)
    session.flush()


def withdraw(session: Session, campaign: Campaign) -> int:
    """Takes back what a stopped campaign still has queued; how many messages."""
    return dispatch.withdraw(session, campaign.id, STOPPED)


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
    total = unqueued = left_out = 0
    for state, frozen, later, count in session.execute(counted):
        total += count
        why = frozen or later or _why_never(campaign, state)
        if state is not None:
            states[state] += count
        elif why is None:
            unqueued += count
        else:
            left_out += count
        if state not in ON_THE_WAY and why is not None:
            reasons[why] += count
    return Progress(total, unqueued, left_out, dict(states), dict(reasons))


def _why_never(campaign: Campaign, state: OutboxState | None) -> str | None:
    # A stop is one row, however many still waited: that they never will be written to follows from it.
    return STOPPED if state is None and campaign.state is CampaignState.CANCELLED else None
