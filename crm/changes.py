"""What changed since last time: marks cheap enough to read twice a second for everything that is on a screen.

A mark is only ever compared with an earlier one of the same thing; when they differ, look again.
"""

from collections import defaultdict
from collections.abc import Collection

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crm import typing_state
from crm.models.campaigns import Campaign
from crm.models.care import ComplaintEvent
from crm.models.conversations import Conversation, Escalation, EscalationState, Message
from crm.models.inbox import Mention
from crm.models.messaging import Outbox, OutboxState
from crm.models.service import Promise, PromiseState, StaffNotice
from crm.models.talk import Note, ScheduledReply

Mark = tuple[object, ...]
_ON_THE_WAY = (OutboxState.QUEUED, OutboxState.SENDING)


def queue(session: Session) -> Mark:
    """Changes when a conversation joins or leaves the queue, is claimed or spoken in, or somebody is called to one.

    The newest message of each is found by a walk from the end of the index.
    """
    newest = select(func.max(Message.id)).where(Message.conversation_id == Escalation.conversation_id)
    known = (Escalation.id, Escalation.state, Escalation.staff_id, Escalation.note, Escalation.due_at)
    alive = select(*known, newest.correlate(Escalation).scalar_subquery())
    rows = session.execute(alive.where(Escalation.state != EscalationState.CLOSED).order_by(Escalation.id))
    called = select(func.count(), func.max(Mention.id)).where(Mention.seen_at.is_(None))
    return (*(tuple(row) for row in rows), tuple(session.execute(called).one()))


def complaints(session: Session) -> Mark:
    """Changes with each step of any complaint."""
    return (session.scalar(select(func.max(ComplaintEvent.id))),)


def conversations(session: Session, ids: Collection[int]) -> dict[int, Mark]:
    """Changes with each message, and with each step of an outgoing one that is not over."""
    # One look into the index each: a grouped maximum would read every message of a long conversation.
    newest = select(func.max(Message.id)).where(Message.conversation_id == Conversation.id).scalar_subquery()
    found = session.execute(select(Conversation.id, newest).where(Conversation.id.in_(ids)))
    last: dict[int, int | None] = dict(found.all())
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
    beside = _beside(session, ids)
    return {number: (last.get(number), modes.get(number), beside[number], *under_way[number]) for number in ids}


def _beside(session: Session, ids: Collection[int]) -> dict[int, Mark]:
    """Changes with each note, each step of a planned reply, and whoever types."""
    notes = select(Note.conversation_id, func.max(Note.id)).where(Note.conversation_id.in_(ids))
    noted = dict(session.execute(notes.group_by(Note.conversation_id)).all())
    steps = select(ScheduledReply.conversation_id, func.count(), func.sum(ScheduledReply.version))
    steps = steps.where(ScheduledReply.conversation_id.in_(ids)).group_by(ScheduledReply.conversation_id)
    planned = {number: (count, int(versions)) for number, count, versions in session.execute(steps)}
    typing = typing_state.typists(session, ids)
    return {number: (noted.get(number), planned.get(number), typing.get(number)) for number in ids}


def notices(session: Session, ids: Collection[int]) -> dict[int, Mark]:
    """By number of the person: changes with each notice to them, and when they read some."""
    unread = select(StaffNotice.staff_id, func.max(StaffNotice.id), func.count())
    unread = unread.where(StaffNotice.staff_id.in_(ids), StaffNotice.read_at.is_(None))
    found = {row[0]: (row[1], row[2]) for row in session.execute(unread.group_by(StaffNotice.staff_id))}
    return {number: found.get(number, (None, 0)) for number in ids}


def promises(session: Session) -> Mark:
    """Changes with each promise that is made, postponed or settled."""
    waiting = select(func.count(), func.max(Promise.id), func.max(Promise.told_at), func.max(Promise.due_at))
    return tuple(session.execute(waiting.where(Promise.state == PromiseState.OPEN)).one())


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
