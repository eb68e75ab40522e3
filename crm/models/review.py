"""What the assistant did not understand or answer well, and what people made of it."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Double, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from crm.models.base import Base, WithId, by_value


class ReviewReason(StrEnum):
    """UNCERTAIN: no meaning was likely enough. REJECTED: taken for none of the shop's business."""

    UNCERTAIN = "uncertain"
    REJECTED = "rejected"
    NOT_HELPFUL = "not_helpful"
    UNANSWERED = "unanswered"


class ReviewState(StrEnum):
    OPEN = "open"
    ASSIGNED = "assigned"
    ANSWERED = "answered"
    DISMISSED = "dismissed"


class ReviewEntry(WithId, Base):
    """Messages so alike that one decision serves them all; `count` of them. `key` is what likeness is seen by.

    `reason` is the newest sighting's. `intent` or `article` (a slug) is what a decision gave it.
    """

    __tablename__ = "review_entries"
    __table_args__ = (Index("ix_review_entries_queue", "state", "count"),)
    key: Mapped[str] = mapped_column(String(300), unique=True)
    text: Mapped[str] = mapped_column(Text)
    reason: Mapped[ReviewReason] = mapped_column(by_value(ReviewReason))
    state: Mapped[ReviewState] = mapped_column(by_value(ReviewState), default=ReviewState.OPEN)
    count: Mapped[int] = mapped_column(default=0)
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
    intent: Mapped[str | None] = mapped_column(String(64))
    article: Mapped[str | None] = mapped_column(String(150))
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    decided_at: Mapped[datetime | None]


class ReviewSighting(WithId, Base):
    """One message for the queue, its personal numbers masked. Without `entry_id` it has not been sorted in yet.

    `guess`, `confidence` (0 to 1) and `ranking` ([{"name", "confidence"}], best first) are those of `model`.
    """

    __tablename__ = "review_sightings"
    entry_id: Mapped[int | None] = mapped_column(ForeignKey("review_entries.id"), index=True)
    reason: Mapped[ReviewReason] = mapped_column(by_value(ReviewReason))
    text: Mapped[str] = mapped_column(Text)
    guess: Mapped[str | None] = mapped_column(String(64))
    confidence: Mapped[float | None] = mapped_column(Double)
    ranking: Mapped[list[Any]] = mapped_column(default=list)
    model: Mapped[str | None] = mapped_column(String(64))
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"), index=True)
    conversation_id: Mapped[int | None] = mapped_column(ForeignKey("conversations.id"), index=True)
    turn_id: Mapped[str | None] = mapped_column(String(64), unique=True)
    feedback_id: Mapped[int | None] = mapped_column(ForeignKey("knowledge_feedback.id"), unique=True)
    at: Mapped[datetime] = mapped_column(index=True)


class NluExample(WithId, Base):
    """A sentence the next training learns, unless it was withdrawn. `trained_in`: the newest model that knows it.

    `customer_id` is who typed it, None where staff wrote it; `entry_id` None: the entry was forgotten since.
    """

    __tablename__ = "nlu_examples"
    text: Mapped[str] = mapped_column(Text)
    intent: Mapped[str] = mapped_column(String(64))
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    at: Mapped[datetime]
    entry_id: Mapped[int | None] = mapped_column(ForeignKey("review_entries.id"), index=True)
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"), index=True)
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    trained_in: Mapped[str | None] = mapped_column(String(64))
