"""What changed since last time: marks cheap enough to read once a second for everything that is on a screen.

A mark is only ever compared with an earlier one of the same thing; when they differ, look again.
"""

from collections import defaultdict
from collections.abc import Collection

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crm.models.campaigns import Campaign
from crm.models.care import ComplaintEvent
from crm.models.conversations import Conversation, Escalation, EscalationState, Message
from crm.models.messaging import Outbox, OutboxState

Mark = tuple[object, ...]
_ON_THE_WAY = (OutboxState.QUEUED, OutboxState.SENDING)


def queue(session: Session) -> Mark:
    """Changes when a conversation joins or leaves the queue, is claimed, or its note grows."""
    alive = select(Escalation.id, Escalation.state, Escalation.staff_id, Escalation.note)
    rows = session.execute(alive.where(Escalation.state != EscalationState.CLOSED).order_by(Escalation.id))
    return tuple(tuple(row) for row in rows)


def complaints(session: Session) -> Mark:
    """Changes with each step of any complaint."""
    return (session.scalar(select(func.max(ComplaintEvent.id))),)


def conversations(session: Session, ids: Collection[int]) -> dict[int, Mark]:
    """Changes with each message, and with each step of an outgoing one that is not over."""
    newest = select(Message.conversation_id, func.max(Message.id)).where(Message.conversation_id.in_(ids))
    last = dict(session.execute(newest.group_by(Message.conversation_id)).all())
    moving = (
        select(Conversation.id, Outbox.id, Outbox.state)
        .join(Outbox, Outbox.account_id == Conversation.account_id)
        .where(Conversation.id.in_(ids), Outbox.state.in_(_ON_THE_WAY))
        .order_by(Outbox.id)
    )
    under_way: defaultdict[int, list[object]] = defaultdict(list)
    for conversation_id, outbox_id, state in session.execute(moving):
        under_way[conversation_id].append((outbox_id, state))
    modes = dict(session.execute(select(Conversation.id, Conversation.mode).where(Conversation.id.in_(ids))).all())
    return {number: (last.get(number), modes.get(number), *under_way[number]) for number in ids}


def campaigns(session: Session, ids: Collection[int]) -> dict[int, Mark]:
    """Changes with the state of the campaign and with each message of it that moves on."""
    states = dict(session.execute(select(Campaign.id, Campaign.state).where(Campaign.id.in_(ids))).all())
    counted = select(Outbox.campaign_id, Outbox.state, func.count()).where(Outbox.campaign_id.in_(ids))
    steps: defaultdict[int | None, list[object]] = defaultdict(list)
    for campaign_id, state, count in session.execute(
        counted.group_by(Outbox.campaign_id, Outbox.state).order_by(Outbox.campaign_id, Outbox.state)
    ):
        steps[campaign_id].append((state, count))
    return {number: (states.get(number), *steps[number]) for number in ids}
