"""What is due to be sent, in the order in which it goes: replies, then care, then broadcasts one after the other.

One query a queue, each along an index: what a paused broadcast or another queue holds is not even looked at.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, and_, bindparam, or_, select
from sqlalchemy.orm import Session, aliased, contains_eager

from crm.models.campaigns import Campaign, CampaignState
from crm.models.messaging import Outbox, OutboxKind, OutboxState
from crm.models.people import ChannelAccount
from crm.outbox import PRIORITY

_ORDER = (Outbox.not_before, Outbox.id)
_MOST = bindparam("most", type_=Integer)


@dataclass(frozen=True)
class Queue:
    """Rows of one kind, and for marketing of one broadcast (None: of none)."""

    bot_id: int
    kind: OutboxKind
    campaign_id: int | None = None

    def ids(self, session: Session, moment: datetime, most: int) -> list[int]:
        """Numbers of due rows, whatever else may still keep them back."""
        return list(session.scalars(_ids(self.kind, self.campaign_id is None), self._values(moment, most)))

    def rows(self, session: Session, moment: datetime, most: int) -> list[Outbox]:
        """Due rows whose chat is free, with their account, locked; what others hold locked is passed over."""
        return list(session.scalars(_rows(self.kind, self.campaign_id is None), self._values(moment, most)))

    def _values(self, moment: datetime, most: int) -> dict[str, Any]:
        values = {"of_bot": self.bot_id, "moment": moment, "most": most}
        return values if self.campaign_id is None else {**values, "of_campaign": self.campaign_id}


def due(session: Session, bot_id: int, *, hold: bool = False) -> Iterator[Queue]:
    """The queues in their order. Of broadcasts only those that run now.

    `hold`: a broadcast stays running until the transaction ends; one that somebody is pausing is passed over.
    """
    yield Queue(bot_id, OutboxKind.REPLY)
    yield Queue(bot_id, OutboxKind.CARE)
    yield Queue(bot_id, OutboxKind.MARKETING)
    running = select(Campaign.id).where(Campaign.state == CampaignState.RUNNING).order_by(Campaign.id)
    # Feeding and this go side by side, a pause (FOR UPDATE) waits for this: what is claimed was claimed before it.
    held = running.with_for_update(read=True, key_share=True, skip_locked=True) if hold else running
    for campaign_id in session.scalars(held).all():
        yield Queue(bot_id, OutboxKind.MARKETING, campaign_id)


def is_any_due(session: Session, bot_id: int, moment: datetime) -> bool:
    """Whether a claim may find something; only looks."""
    return any(queue.ids(session, moment, 1) for queue in due(session, bot_id))


# Built once each: building a statement costs as much as running it.
@cache
def _ids(kind: OutboxKind, of_no_campaign: bool) -> Select[int]:
    return select(Outbox.id).where(*_due(kind, of_no_campaign)).order_by(*_ORDER).limit(_MOST)


@cache
def _rows(kind: OutboxKind, of_no_campaign: bool) -> Select[Outbox]:
    due = select(Outbox).join(Outbox.account).options(contains_eager(Outbox.account))
    due = due.where(*_due(kind, of_no_campaign), _is_quiet(), ~_chat_is_busy())
    if kind is OutboxKind.REPLY:
        due = due.where(~_behind_another_reply())
    # The account is locked too, and never waited for: a turn may hold it and want a message that is locked here.
    locked = due.with_for_update(of=(Outbox, ChannelAccount), skip_locked=True, key_share=True)
    return locked.order_by(*_ORDER).limit(_MOST)


def _due(kind: OutboxKind, of_no_campaign: bool) -> list[ColumnElement[bool]]:
    conditions = [
        Outbox.bot_id == bindparam("of_bot"),
        Outbox.state == OutboxState.QUEUED,
        Outbox.not_before <= bindparam("moment"),
    ]
    if kind is not OutboxKind.MARKETING:
        return [*conditions, Outbox.priority == PRIORITY[kind]]
    # By kind and not by priority, so that the index by broadcast is taken and not the one over all of them.
    broadcast = Outbox.campaign_id.is_(None) if of_no_campaign else Outbox.campaign_id == bindparam("of_campaign")
    return [*conditions, Outbox.kind == kind, broadcast]


def _is_quiet() -> ColumnElement[bool]:
    return or_(ChannelAccount.quiet_until.is_(None), ChannelAccount.quiet_until <= bindparam("moment"))


def _chat_is_busy() -> ColumnElement[bool]:
    """Whether a message to the chat is in flight, whichever process sends it."""
    other = aliased(Outbox)
    flying = select(other.id).where(other.account_id == Outbox.account_id, other.state == OutboxState.SENDING)
    return flying.exists()


def _behind_another_reply() -> ColumnElement[bool]:
    """Whether a reply must wait for an earlier one to the same chat: a retry must not turn the order round."""
    earlier = aliased(Outbox)
    waiting = select(earlier.id).where(
        earlier.account_id == Outbox.account_id,
        earlier.state == OutboxState.QUEUED,
        earlier.kind == OutboxKind.REPLY,
        earlier.id < Outbox.id,
    )
    return and_(Outbox.kind == OutboxKind.REPLY, waiting.exists())
