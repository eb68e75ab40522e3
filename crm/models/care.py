"""Complaints, ratings, surveys and greetings."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from crm.models.base import Base, WithId, by_value, filled
from crm.models.catalogue import Product, Purchase
from crm.models.people import Customer


class ComplaintState(StrEnum):
    NEW = "new"
    IN_PROGRESS = "in_progress"
    RESOLVED = "resolved"
    CLOSED = "closed"


class ComplaintCategory(StrEnum):
    PRODUCT_FAULT = "product_fault"
    DELIVERY = "delivery"
    STAFF_ATTITUDE = "staff_attitude"
    WARRANTY = "warranty"
    PRICE_PAYMENT = "price_payment"
    OTHER = "other"


class Severity(StrEnum):
    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


class Complaint(WithId, Base):
    """`promised_at`: the moment by which the customer was promised an answer."""

    __tablename__ = "complaints"
    __table_args__ = (Index("ix_complaints_customer_state", "customer_id", "state"),)
    code: Mapped[str] = mapped_column(String(32), unique=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    conversation_id: Mapped[int | None] = mapped_column(ForeignKey("conversations.id"))
    product_id: Mapped[int | None] = mapped_column(ForeignKey("products.id"))
    purchase_id: Mapped[int | None] = mapped_column(ForeignKey("purchases.id"))
    category: Mapped[ComplaintCategory] = mapped_column(by_value(ComplaintCategory))
    severity: Mapped[Severity] = mapped_column(by_value(Severity))
    state: Mapped[ComplaintState] = mapped_column(by_value(ComplaintState), default=ComplaintState.NEW, index=True)
    description: Mapped[str] = mapped_column(Text)
    since: Mapped[str] = mapped_column(String(200), default="")
    contact: Mapped[str] = mapped_column(String(200), default="")
    photos: Mapped[list[Any]] = mapped_column(default=list)
    resolution: Mapped[str] = mapped_column(Text, default="")
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    created_at: Mapped[datetime]
    promised_at: Mapped[datetime]
    resolved_at: Mapped[datetime | None]
    customer: Mapped[Customer] = relationship()
    product: Mapped[Product | None] = relationship()
    purchase: Mapped[Purchase | None] = relationship()
    events: Mapped[list["ComplaintEvent"]] = relationship(order_by="ComplaintEvent.id")


class ComplaintEvent(WithId, Base):
    __tablename__ = "complaint_events"
    complaint_id: Mapped[int] = mapped_column(ForeignKey("complaints.id"), index=True)
    from_state: Mapped[ComplaintState | None] = mapped_column(by_value(ComplaintState))
    to_state: Mapped[ComplaintState] = mapped_column(by_value(ComplaintState))
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    note: Mapped[str] = mapped_column(Text, default="")
    at: Mapped[datetime]


class Survey(WithId, Base):
    """One question about one resolved complaint: asked at `due_at`, at most once."""

    __tablename__ = "surveys"
    complaint_id: Mapped[int] = mapped_column(ForeignKey("complaints.id"), unique=True)
    due_at: Mapped[datetime] = mapped_column(index=True)
    asked_at: Mapped[datetime | None]


class Rating(WithId, Base):
    """`score` 1 (very bad) to 5 (very good). `complaint_id` is what it rates; None rates the service as a whole."""

    __tablename__ = "ratings"
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    complaint_id: Mapped[int | None] = mapped_column(ForeignKey("complaints.id"))
    score: Mapped[int]
    reason: Mapped[str] = mapped_column(Text, default="")
    at: Mapped[datetime] = mapped_column(index=True)


class GreetingState(StrEnum):
    QUEUED = "queued"
    MISSED = "missed"


class Greeting(WithId, Base):
    """One greeting a customer, occasion and local date, however often the scheduler wakes."""

    __tablename__ = "greetings"
    __table_args__ = (
        UniqueConstraint("customer_id", "occasion", "local_date"),
        filled("ix_greetings_outbox_id", "outbox_id"),
    )
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    occasion: Mapped[str] = mapped_column(String(32))
    local_date: Mapped[date]
    state: Mapped[GreetingState] = mapped_column(by_value(GreetingState))
    outbox_id: Mapped[int | None] = mapped_column(ForeignKey("outbox.id"))
    at: Mapped[datetime]
