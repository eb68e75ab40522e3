"""Which queues stand still although they should move, each with the seconds for which its first has waited."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crm import clock, contact_policy, queues, send_limits
from crm.models.campaigns import Campaign, CampaignState
from crm.models.messaging import Outbox, OutboxKind, OutboxState
from crm.settings import settings

STANDS_AFTER = timedelta(minutes=10)
START_OLD = timedelta(minutes=5)


@dataclass(frozen=True)
class Standing:
    """A queue of which nothing was sent for STANDS_AFTER, though its first message is due for `age_s`."""

    kind: OutboxKind
    age_s: float


def standing(session: Session, bot_id: int, moment: datetime) -> Iterator[Standing]:
    """The queues of care and marketing that stand still.

    A long queue that moves is none of them, nor one that may not: at night, ahead of its time, while Telegram wants
    nothing, of a broadcast that is paused, and marketing behind care.
    """
    opened = _opened(moment)
    if opened is None or moment - opened < STANDS_AFTER or send_limits.frozen_s(session, bot_id):
        return
    stuck: dict[OutboxKind, datetime] = {}
    for queue in queues.due(session, bot_id):
        if queue.kind is OutboxKind.REPLY:
            continue
        if queue.kind is OutboxKind.MARKETING and queues.Queue(bot_id, OutboxKind.CARE).ids(session, moment, 1):
            break
        if first := queue.ids(session, moment - STANDS_AFTER, 1):
            since = max(session.get_one(Outbox, first[0]).not_before, opened)
            stuck[queue.kind] = min(since, stuck.get(queue.kind, since))
    for kind, since in stuck.items():
        if not _moves(session, bot_id, kind, moment):
            yield Standing(kind, (moment - since).total_seconds())


def not_started(session: Session, moment: datetime) -> float:
    """Seconds for which a broadcast has been due that nobody started; 0 when there is none."""
    due = select(func.min(Campaign.scheduled_at)).where(
        Campaign.state == CampaignState.SCHEDULED, Campaign.scheduled_at < moment - START_OLD
    )
    since = session.scalar(due)
    return (moment - since).total_seconds() if since else 0.0


def _opened(moment: datetime) -> datetime | None:
    """When today's hours began in which people may be written to unasked; None outside them."""
    if contact_policy.opening(moment, settings()) is not None:
        return None
    return clock.at_local(clock.local(moment, settings().zone).date(), settings().quiet_until_hour, settings().zone)


def _moves(session: Session, bot_id: int, kind: OutboxKind, moment: datetime) -> bool:
    sent = select(Outbox.id).where(
        Outbox.sent_at >= moment - STANDS_AFTER,
        Outbox.bot_id == bot_id,
        Outbox.kind == kind,
        Outbox.state == OutboxState.SENT,
    )
    return session.scalar(sent.limit(1)) is not None
