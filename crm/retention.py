"""What the database may forget, and from when. What a conversation with an open complaint holds is never forgotten.

The ledger of consents, the audit log, complaints and the text of conversations have no age here: they stay. What is
kept for learning is in `crm.retention_review`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, Select, Text, cast, delete, exists, func, or_, select, update
from sqlalchemy.orm import Session

from crm import retention_review as review
from crm import staff_notices
from crm.complaints import OPEN_STATES
from crm.models.campaigns import Campaign, CampaignState
from crm.models.care import Complaint, Greeting
from crm.models.catalogue import KnowledgeFeedback
from crm.models.conversations import Message
from crm.models.messaging import ActionReceipt, ButtonToken, Inbound, InboundState, Outbox, OutboxState
from crm.models.people import ChannelAccount
from crm.models.review import NluExample, ReviewEntry, ReviewSighting
from crm.models.service import StaffNotice
from crm.settings import Settings

BATCH = 200
TURN = "inbound-"  # the bot names a turn by the number of its update
MOVING = (OutboxState.QUEUED, OutboxState.SENDING)
OVER = (CampaignState.FINISHED, CampaignState.CANCELLED)


class Forgotten(StrEnum):
    """Kinds of rows, in the order in which they go."""

    INBOUND = "inbound"
    BUTTONS = "buttons"
    OUTBOX = "outbox"
    BROADCAST_TEXTS = "broadcast_texts"
    FEEDBACK = "knowledge_feedback"
    SIGHTINGS = "review_sightings"
    ENTRIES = "review_entries"
    EXAMPLES = "nlu_examples"
    NOTICES = "staff_notices"


@dataclass(frozen=True)
class _Rule:
    """`key` orders and names the rows; `forget` is given the keys of one batch."""

    key: Any
    old: Callable[[Settings, datetime], ColumnElement[bool]]
    spared: Callable[[], Sequence[ColumnElement[bool]]]
    forget: Callable[[Session, Select[Any]], int]


def find(
    session: Session, kind: Forgotten, settings: Settings, moment: datetime, after: Any = None, limit: int = BATCH
) -> list[Any]:
    """The keys of the next rows that may go, beyond the key `after`. Only reads."""
    wanted = _doomed(kind, settings, moment).order_by(_RULES[kind].key).limit(limit)
    if after is not None:
        wanted = wanted.where(_RULES[kind].key > after)
    return list(session.scalars(wanted))


def count(session: Session, kind: Forgotten, settings: Settings, moment: datetime) -> int:
    """How many rows may go now."""
    return session.scalar(select(func.count()).select_from(_doomed(kind, settings, moment).subquery())) or 0


def forget(session: Session, kind: Forgotten, settings: Settings, moment: datetime, keys: Sequence[Any]) -> int:
    """Forgets those of `keys` that still may go: a complaint may have been opened since they were found."""
    still = _doomed(kind, settings, moment).where(_RULES[kind].key.in_(keys))
    return _RULES[kind].forget(session, still)


def held_accounts() -> Select[Any]:
    """The accounts of everybody who has an open complaint."""
    held = select(ChannelAccount.id).join(Complaint, Complaint.customer_id == ChannelAccount.customer_id)
    return held.where(Complaint.state.in_(OPEN_STATES))


def _doomed(kind: Forgotten, settings: Settings, moment: datetime) -> Select[Any]:
    rule = _RULES[kind]
    return select(rule.key).where(rule.old(settings, moment), *rule.spared())


def _inbound_age(settings: Settings, moment: datetime) -> datetime:
    return moment - timedelta(days=settings.retention_inbound_days)


def _outbox_age(settings: Settings, moment: datetime) -> datetime:
    return moment - timedelta(days=settings.retention_outbox_days)


def _spared_inbound() -> Sequence[ColumnElement[bool]]:
    held = held_accounts().where(ChannelAccount.bot_id == Inbound.bot_id, ChannelAccount.chat_id == Inbound.chat_id)
    # Turns are named by this number, and SQLite gives the highest one again once its row is gone: that row stays.
    newest = select(func.max(Inbound.id)).correlate(None).scalar_subquery()
    return (Inbound.state != InboundState.PENDING, ~exists(held.correlate(Inbound)), Inbound.id < newest)


def _spared_outbox() -> Sequence[ColumnElement[bool]]:
    newest = select(func.max(Outbox.id)).correlate(None).scalar_subquery()
    settled = (Outbox.state.not_in(MOVING), Outbox.account_id.not_in(held_accounts()), Outbox.id < newest)
    # What a notice put into a person's chat goes with the notice, which alone says whom it is about.
    told = Outbox.dedupe_key.startswith(staff_notices.CHAT_KEY, autoescape=True)
    return (*settled, Outbox.campaign_id.is_(None), or_(Outbox.dedupe_key.is_(None), ~told))


def _spared_texts() -> Sequence[ColumnElement[bool]]:
    over = select(Campaign.id).where(Campaign.state.in_(OVER))
    # A person may still decide to send an unknown one again: it keeps its text.
    settled = (Outbox.state.not_in((*MOVING, OutboxState.UNKNOWN)), Outbox.account_id.not_in(held_accounts()))
    return (*settled, Outbox.campaign_id.in_(over), cast(Outbox.body, Text) != "{}")


def _forget_inbound(session: Session, doomed: Select[Any]) -> int:
    keys = list(session.scalars(doomed.with_for_update()))
    session.execute(update(Message).where(Message.inbound_id.in_(keys)).values(inbound_id=None))
    session.execute(delete(ActionReceipt).where(ActionReceipt.turn_id.in_(f"{TURN}{key}" for key in keys)))
    return _rows(session.execute(delete(Inbound).where(Inbound.id.in_(keys))))


def _forget_outbox(session: Session, doomed: Select[Any]) -> int:
    keys = list(session.scalars(doomed.with_for_update()))
    for reference in (Message.outbox_id, Greeting.outbox_id):
        session.execute(update(reference.class_).where(reference.in_(keys)).values(outbox_id=None))
    return _rows(session.execute(delete(Outbox).where(Outbox.id.in_(keys))))


def _forget_texts(session: Session, doomed: Select[Any]) -> int:
    """A broadcast's rows are what its figures are counted from: they stay, without what was written to whom."""
    keys = list(session.scalars(doomed.with_for_update()))
    return _rows(session.execute(update(Outbox).where(Outbox.id.in_(keys)).values(body={})))


def _forget_buttons(session: Session, doomed: Select[Any]) -> int:
    return _rows(session.execute(delete(ButtonToken).where(ButtonToken.token.in_(doomed))))


def _rows(result: Any) -> int:
    counted: CursorResult[Any] = result
    return counted.rowcount


_RULES: dict[Forgotten, _Rule] = {
    Forgotten.INBOUND: _Rule(
        Inbound.id, lambda s, m: Inbound.received_at < _inbound_age(s, m), _spared_inbound, _forget_inbound
    ),
    Forgotten.BUTTONS: _Rule(
        ButtonToken.token,
        lambda s, m: ButtonToken.expires_at < _inbound_age(s, m),
        lambda: (ButtonToken.account_id.not_in(held_accounts()),),
        _forget_buttons,
    ),
    Forgotten.OUTBOX: _Rule(
        Outbox.id, lambda s, m: Outbox.created_at < _outbox_age(s, m), _spared_outbox, _forget_outbox
    ),
    Forgotten.BROADCAST_TEXTS: _Rule(
        Outbox.id, lambda s, m: Outbox.created_at < _outbox_age(s, m), _spared_texts, _forget_texts
    ),
    Forgotten.FEEDBACK: _Rule(
        KnowledgeFeedback.id,
        review.old_feedback,
        lambda: review.spared(KnowledgeFeedback.customer_id),
        review.forget_feedback,
    ),
    Forgotten.SIGHTINGS: _Rule(
        ReviewSighting.id,
        review.old_sightings,
        lambda: review.spared(ReviewSighting.customer_id),
        review.forget_sightings,
    ),
    Forgotten.ENTRIES: _Rule(ReviewEntry.id, review.old_entries, tuple, review.forget_entries),
    Forgotten.EXAMPLES: _Rule(
        NluExample.id, review.old_examples, lambda: review.spared(NluExample.customer_id), review.forget_examples
    ),
    Forgotten.NOTICES: _Rule(
        StaffNotice.id,
        lambda s, m: StaffNotice.at < _outbox_age(s, m),
        tuple,
        lambda session, doomed: staff_notices.forget_old(session, list(session.scalars(doomed))),
    ),
}
