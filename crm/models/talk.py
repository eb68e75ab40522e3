"""What staff keep beside a conversation: notes, ready answers, replies for later, and who is typing."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from crm.models.base import Base, WithId, by_value
from crm.models.conversations import Conversation
from crm.models.staff import Staff

_WAITING = text("state = 'waiting'")


class ReplyState(StrEnum):
    """WAITING becomes SENT or CANCELLED, and stays that."""

    WAITING = "waiting"
    SENT = "sent"
    CANCELLED = "cancelled"


class CancelReason(StrEnum):
    """Why a planned reply was not sent."""

    BY_STAFF = "by_staff"
    CUSTOMER_WROTE = "customer_wrote"
    HOLD_ENDED = "hold_ended"
    RESTORED = "restored"


class Note(WithId, Base):
    """What colleagues tell each other about a conversation. It is never sent, but stands in a copy of their data."""

    __tablename__ = "notes"
    __table_args__ = (Index("ix_notes_conversation", "conversation_id", "id"),)
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    text: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]
    staff: Mapped[Staff] = relationship()


class CannedAnswer(WithId, Base):
    """A ready answer, its owner's or (without an owner) everybody's. `folded`: title and text as they are searched."""

    __tablename__ = "canned_answers"
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"), index=True)
    title: Mapped[str] = mapped_column(String(100))
    text: Mapped[str] = mapped_column(Text)
    folded: Mapped[str] = mapped_column(Text)
    used: Mapped[int] = mapped_column(default=0)
    changed_at: Mapped[datetime]
    owner: Mapped[Staff | None] = relationship()


class ScheduledReply(WithId, Base):
    """A reply that goes out at `send_at`; the scheduler reads the row.

    `if_quiet`: it is cancelled when the customer writes before (after message `after_id`) or the hold ends.
    """

    __tablename__ = "scheduled_replies"
    __table_args__ = (
        Index("ix_scheduled_replies_due", "send_at", sqlite_where=_WAITING, postgresql_where=_WAITING),
        Index("ix_scheduled_replies_conversation", "conversation_id", "id"),
    )
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    text: Mapped[str] = mapped_column(Text)
    send_at: Mapped[datetime]
    if_quiet: Mapped[bool] = mapped_column(default=True)
    after_id: Mapped[int] = mapped_column(BigInteger, default=0)
    state: Mapped[ReplyState] = mapped_column(by_value(ReplyState), default=ReplyState.WAITING)
    reason: Mapped[CancelReason | None] = mapped_column(by_value(CancelReason))
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    conversation: Mapped[Conversation] = relationship()
    staff: Mapped[Staff] = relationship()


class TypingSign(Base):
    """Who of the staff typed last in a conversation, and when the customer's Telegram was last told."""

    __tablename__ = "typing_signs"
    conversation_id: Mapped[int] = mapped_column(
        ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    at: Mapped[datetime] = mapped_column(index=True)
    told_at: Mapped[datetime | None]
