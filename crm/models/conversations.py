"""Conversations, their messages, and the escalations that call a person in."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from crm.models.base import Base, WithId, by_value, filled
from crm.models.people import ChannelAccount, Customer
from crm.models.staff import Staff

_ALIVE = text("state <> 'closed'")


class Mode(StrEnum):
    """Who answers: the assistant, or people (waiting in the queue or held by one of them)."""

    ASSISTANT = "assistant"
    PEOPLE = "people"


class EscalationReason(StrEnum):
    ASKED = "asked"
    LOW_RATING = "low_rating"
    NOT_UNDERSTOOD = "not_understood"
    NOT_HELPFUL = "not_helpful"
    TECHNICAL = "technical"


class EscalationState(StrEnum):
    OPEN = "open"
    CLAIMED = "claimed"
    CLOSED = "closed"


class BackReason(StrEnum):
    """Why a person handed the conversation back; the assistant's next words fit it."""

    SOLVED = "solved"
    WAITING = "waiting"
    INFORMED = "informed"
    OTHER = "other"


class Direction(StrEnum):
    IN = "in"
    OUT = "out"


class Author(StrEnum):
    CUSTOMER = "customer"
    ASSISTANT = "assistant"
    STAFF = "staff"
    SYSTEM = "system"


class Conversation(WithId, Base):
    """One a chat account. While `mode` is PEOPLE the assistant is silent."""

    __tablename__ = "conversations"
    account_id: Mapped[int] = mapped_column(ForeignKey("channel_accounts.id"), unique=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    mode: Mapped[Mode] = mapped_column(by_value(Mode), default=Mode.ASSISTANT)
    last_message_at: Mapped[datetime | None] = mapped_column(index=True)
    created_at: Mapped[datetime]
    account: Mapped[ChannelAccount] = relationship()
    customer: Mapped[Customer] = relationship()


class Escalation(WithId, Base):
    """A call for a person. At most one not CLOSED a conversation; the queue is those OPEN.

    `waiting_since`: when the customer began to wait for a person's word, None while it is their turn. `due_back_at`:
    when a hold that nobody touches goes back to the queue, None where nobody waits for the holder.
    """

    __tablename__ = "escalations"
    __table_args__ = (
        Index("ix_escalations_queue", "state", "opened_at"),
        Index("uq_escalations_alive", "conversation_id", unique=True, sqlite_where=_ALIVE, postgresql_where=_ALIVE),
        filled("ix_escalations_due_back_at", "due_back_at"),
        filled("ix_escalations_closed_at", "closed_at"),
        filled("ix_escalations_due_at", "due_at"),
    )
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id"), index=True)
    reason: Mapped[EscalationReason] = mapped_column(by_value(EscalationReason))
    note: Mapped[str] = mapped_column(Text, default="")
    state: Mapped[EscalationState] = mapped_column(by_value(EscalationState), default=EscalationState.OPEN)
    opened_at: Mapped[datetime]
    claimed_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    waiting_since: Mapped[datetime | None]
    due_at: Mapped[datetime | None]  # the nearest time of a running clock: crm/service_clocks.py
    due_back_at: Mapped[datetime | None]
    back_reason: Mapped[BackReason | None] = mapped_column(by_value(BackReason))
    back_note: Mapped[str] = mapped_column(Text, default="", server_default="")
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    conversation: Mapped[Conversation] = relationship()
    staff: Mapped[Staff | None] = relationship()


class Message(WithId, Base):
    """What was said, by whom. `attachments`: [{"kind", "path" (below var/attachments), "name"}]."""

    __tablename__ = "messages"
    __table_args__ = (Index("ix_messages_conversation", "conversation_id", "id"),)
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id"))
    direction: Mapped[Direction] = mapped_column(by_value(Direction))
    author: Mapped[Author] = mapped_column(by_value(Author))
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    text: Mapped[str] = mapped_column(Text, default="")
    attachments: Mapped[list[Any]] = mapped_column(default=list)
    inbound_id: Mapped[int | None] = mapped_column(ForeignKey("inbound.id"), unique=True)
    outbox_id: Mapped[int | None] = mapped_column(ForeignKey("outbox.id"), unique=True)
    intent: Mapped[str | None] = mapped_column(String(64))
    at: Mapped[datetime]
