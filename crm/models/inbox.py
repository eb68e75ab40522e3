"""How staff work at the inbox: who is there, who has read what, and who was called by name."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from crm.models.base import Base, WithId

_UNSEEN = text("seen_at IS NULL")


class StaffDesk(Base):
    """One person's place at the inbox; who has none is away and hears the sound.

    `capacity`: conversations they may hold at once when these are given out in turn, None for the shop's setting.
    `last_turn`: the number of the turn in which they were last given one; the smallest is next.
    """

    __tablename__ = "staff_desks"
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), primary_key=True, autoincrement=False)
    present: Mapped[bool] = mapped_column(default=False)
    present_since: Mapped[datetime | None]
    capacity: Mapped[int | None]
    last_turn: Mapped[int] = mapped_column(BigInteger, default=0)
    sound: Mapped[bool] = mapped_column(default=True)
    badge: Mapped[bool] = mapped_column(default=True)


class ConversationRead(Base):
    """How far a person has read a conversation: the newest message they have seen."""

    __tablename__ = "conversation_reads"
    conversation_id: Mapped[int] = mapped_column(
        ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), primary_key=True, autoincrement=False)
    message_id: Mapped[int] = mapped_column(BigInteger)


class Mention(WithId, Base):
    """A colleague called by name in a conversation, until they have looked."""

    __tablename__ = "mentions"
    __table_args__ = (
        Index("ix_mentions_unseen", "staff_id", "conversation_id", sqlite_where=_UNSEEN, postgresql_where=_UNSEEN),
    )
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"), index=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    by_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    at: Mapped[datetime]
    seen_at: Mapped[datetime | None]
