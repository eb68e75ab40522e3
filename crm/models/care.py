"""Complaints, ratings, surveys and greetings."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from crm.models.base import Base, WithId, by_value, filled
from crm.models.catalogue import Product, Purchase
from crm.models.people import Customer, Tier


class ComplaintState(StrEnum):
    """WAITING: the customer was asked something, and the clocks stand still until they answer."""

    NEW = "new"
    ACKNOWLEDGED = "acknowledged"
    IN_PROGRESS = "in_progress"
    WAITING = "waiting_customer"
    RESOLVED = "resolved"
    CLOSED = "closed"


class ComplaintCategory(StrEnum):
    PRODUCT_FAULT = "product_fault"
    DELIVERY = "delivery"
    STAFF_ATTITUDE = "staff_attitude"
    WARRANTY = "warranty"
    PRICE_PAYMENT = "price_payment"
    OTHER = "other"


class Cause(StrEnum):
    """Why it happened, as the shop found out; the category is what the customer complains of."""

    MANUFACTURE = "manufacture"
    TRANSPORT = "transport"
    WRONG_GOODS = "wrong_goods"
    DELAY = "delay"
    SERVICE = "service"
    INFORMATION = "information"
    PROCESS = "process"
    USE = "use"
    OTHER = "other"


class Severity(StrEnum):
    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


class EventKind(StrEnum):
    """What a line of a complaint's history tells of."""

    STATE = "state"
    ASSIGNED = "assigned"
    FACTS = "facts"
    SEVERITY = "severity"
    STEP = "step"
    PARTNER = "partner"
    COMPENSATION = "compensation"
    MERGED = "merged"
    SPLIT = "split"


_DUE = text("due_at IS NOT NULL")
_WAITING = text("asked_at IS NULL AND skipped_at IS NULL")


class Complaint(WithId, Base):
    """`promised_at`: the moment by which the customer was promised an answer.

    `due_at`: the nearest running clock of the case; None while its clocks stand still, and once it is over.
    `merged_into_id`: the case in which this one is answered. `split_from_id`: the case in which it was told.
    """

    __tablename__ = "complaints"
    __table_args__ = (
        Index("ix_complaints_customer_state", "customer_id", "state"),
        Index("ix_complaints_state_id", "state", "id"),
        Index("ix_complaints_due", "due_at", "id", sqlite_where=_DUE, postgresql_where=_DUE),
        Index("ix_complaints_owner_state", "owner_id", "state"),
        filled("ix_complaints_product_id", "product_id"),
        filled("ix_complaints_merged_into_id", "merged_into_id"),
        filled("ix_complaints_split_from_id", "split_from_id"),
    )
    code: Mapped[str] = mapped_column(String(32), unique=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    conversation_id: Mapped[int | None] = mapped_column(ForeignKey("conversations.id"))
    product_id: Mapped[int | None] = mapped_column(ForeignKey("products.id"))
    purchase_id: Mapped[int | None] = mapped_column(ForeignKey("purchases.id"))
    category: Mapped[ComplaintCategory] = mapped_column(by_value(ComplaintCategory))
    severity: Mapped[Severity] = mapped_column(by_value(Severity))
    state: Mapped[ComplaintState] = mapped_column(by_value(ComplaintState), default=ComplaintState.NEW)
    description: Mapped[str] = mapped_column(Text)
    since: Mapped[str] = mapped_column(String(200), default="")
    contact: Mapped[str] = mapped_column(String(200), default="")
    photos: Mapped[list[Any]] = mapped_column(default=list)
    resolution: Mapped[str] = mapped_column(Text, default="")
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    created_at: Mapped[datetime]
    promised_at: Mapped[datetime]
    resolved_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    cause: Mapped[Cause | None] = mapped_column(by_value(Cause))
    merged_into_id: Mapped[int | None] = mapped_column(ForeignKey("complaints.id"))
    split_from_id: Mapped[int | None] = mapped_column(ForeignKey("complaints.id"))
    customer: Mapped[Customer] = relationship()
    product: Mapped[Product | None] = relationship()
    purchase: Mapped[Purchase | None] = relationship()
    events: Mapped[list["ComplaintEvent"]] = relationship(order_by="ComplaintEvent.id")


class ComplaintEvent(WithId, Base):
    """Every change of a complaint, not only of its state. `staff_id` None: the customer, or the clock.

    `detail`: what `kind` needs besides, as values of enums and numbers of rows, never words.
    """

    __tablename__ = "complaint_events"
    complaint_id: Mapped[int] = mapped_column(ForeignKey("complaints.id"), index=True)
    from_state: Mapped[ComplaintState | None] = mapped_column(by_value(ComplaintState))
    to_state: Mapped[ComplaintState] = mapped_column(by_value(ComplaintState))
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    note: Mapped[str] = mapped_column(Text, default="")
    at: Mapped[datetime]
    kind: Mapped[EventKind] = mapped_column(by_value(EventKind), default=EventKind.STATE)
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)


class Survey(WithId, Base):
    """One question about one resolved complaint: asked at `due_at`, at most once, or skipped.

    `staff_id` and `tier` are who answered the complaint and what the customer was then.
    """

    __tablename__ = "surveys"
    __table_args__ = (
        Index("ix_surveys_waiting", "due_at", sqlite_where=_WAITING, postgresql_where=_WAITING),
        Index("ix_surveys_customer", "customer_id", "asked_at"),
    )
    complaint_id: Mapped[int] = mapped_column(ForeignKey("complaints.id"), unique=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    tier: Mapped[Tier] = mapped_column(by_value(Tier), default=Tier.NONE)
    due_at: Mapped[datetime]
    asked_at: Mapped[datetime | None]
    skipped_at: Mapped[datetime | None]


class Rating(WithId, Base):
    """`score` 1 (very bad) to 5 (very good). `complaint_id` is what it rates; None rates the service as a whole.

    `staff_id`: who answered that complaint; `tier`: what the customer was. Both as they were at the time.
    """

    __tablename__ = "ratings"
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    complaint_id: Mapped[int | None] = mapped_column(ForeignKey("complaints.id"))
    score: Mapped[int]
    reason: Mapped[str] = mapped_column(Text, default="")
    at: Mapped[datetime] = mapped_column(index=True)
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    tier: Mapped[Tier | None] = mapped_column(by_value(Tier))


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
