"""Customers: who they are, how to reach them, what they agreed to, and the days that matter to them."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from crm.models.base import Base, WithId, by_value, filled


class CustomerKind(StrEnum):
    PERSON = "person"
    COMPANY = "company"


class Stage(StrEnum):
    PROSPECTIVE = "prospective"
    CURRENT = "current"


class Tier(StrEnum):
    NONE = "none"
    SILVER = "silver"
    GOLD = "gold"
    PLATINUM = "platinum"


class Address(StrEnum):
    """Forms of address by the values they are written with; UNKNOWN is what the assistant says before it knows."""

    ANH = "anh"
    CHI = "chị"
    CO = "cô"
    CHU = "chú"
    BAC = "bác"
    BAN = "bạn"
    UNKNOWN = "anh/chị"


class Purpose(StrEnum):
    """What a message is for. SERVICE (a ticket's news, a survey) rests on the contract; the others need consent."""

    SERVICE = "service"
    GREETINGS = "greetings"
    MARKETING = "marketing"


class OccasionKind(StrEnum):
    BIRTHDAY = "birthday"


class CalendarKind(StrEnum):
    SOLAR = "solar"
    LUNAR = "lunar"


class Customer(WithId, Base):
    """A person or company. `version` counts the edits, so that of two people at once the second is told.

    `gone_at`: the row is an empty shell, of somebody who was erased or (`merged_into_id`, no key) merged into another
    record; of one merged away `external_id` stays, where the kept record has another: the shop's system still says it.
    Shells stay because SQLite gives a number again once its row is gone.
    """

    __tablename__ = "customers"
    __table_args__ = (
        Index("ix_customers_listing", "name_folded", "id"),
        filled("ix_customers_merged_into_id", "merged_into_id"),
    )
    external_id: Mapped[str | None] = mapped_column(String(64), unique=True)
    kind: Mapped[CustomerKind] = mapped_column(by_value(CustomerKind), default=CustomerKind.PERSON)
    stage: Mapped[Stage] = mapped_column(by_value(Stage), default=Stage.PROSPECTIVE)
    name: Mapped[str] = mapped_column(String(200), default="")
    name_folded: Mapped[str] = mapped_column(String(200), default="")
    address: Mapped[Address] = mapped_column(by_value(Address), default=Address.UNKNOWN)
    phone: Mapped[str | None] = mapped_column(String(32), index=True)
    email: Mapped[str | None] = mapped_column(String(200), index=True)
    tier: Mapped[Tier] = mapped_column(by_value(Tier), default=Tier.NONE, index=True)
    occupation: Mapped[str | None] = mapped_column(String(200))
    household: Mapped[str | None] = mapped_column(String(200))
    means: Mapped[str | None] = mapped_column(String(200))
    habits: Mapped[str | None] = mapped_column(Text)
    version: Mapped[int] = mapped_column(default=1)
    gone_at: Mapped[datetime | None]
    merged_into_id: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime]
    accounts: Mapped[list["ChannelAccount"]] = relationship(back_populates="customer")
    occasions: Mapped[list["Occasion"]] = relationship(back_populates="customer")


class ChannelAccount(WithId, Base):
    """One chat on one channel under one bot. `bot_id` is the bot's own number, never its token.

    `quiet_until`: nothing is sent to the chat before, as two messages need a second between them. `slowed_at`: when the
    customer was last told that so many messages are answered one after the other.
    """

    __tablename__ = "channel_accounts"
    __table_args__ = (UniqueConstraint("channel", "bot_id", "chat_id"),)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    channel: Mapped[str] = mapped_column(String(16), default="telegram")
    bot_id: Mapped[int] = mapped_column(BigInteger)
    chat_id: Mapped[int] = mapped_column(BigInteger)
    username: Mapped[str | None] = mapped_column(String(64))
    start_payload: Mapped[str | None] = mapped_column(String(64))
    reachable: Mapped[bool] = mapped_column(default=True)
    unreachable_reason: Mapped[str | None] = mapped_column(String(64))
    quiet_until: Mapped[datetime | None]
    slowed_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    customer: Mapped[Customer] = relationship(back_populates="accounts")


class Consent(WithId, Base):
    """Append-only: the newest row a purpose says what holds. `evidence` is what the person typed or pressed."""

    __tablename__ = "consents"
    __table_args__ = (Index("ix_consents_latest", "customer_id", "purpose", "id"),)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    purpose: Mapped[Purpose] = mapped_column(by_value(Purpose))
    granted: Mapped[bool]
    wording_version: Mapped[str] = mapped_column(String(32))
    channel: Mapped[str] = mapped_column(String(16))
    evidence: Mapped[str] = mapped_column(Text, default="")
    at: Mapped[datetime]


class Occasion(WithId, Base):
    """A day of a customer's own, in the calendar they count it by. Unique by kind: a person has one birthday."""

    __tablename__ = "occasions"
    __table_args__ = (UniqueConstraint("customer_id", "kind"), Index("ix_occasions_day", "calendar", "month", "day"))
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    kind: Mapped[OccasionKind] = mapped_column(by_value(OccasionKind), default=OccasionKind.BIRTHDAY)
    calendar: Mapped[CalendarKind] = mapped_column(by_value(CalendarKind))
    day: Mapped[int]
    month: Mapped[int]
    year: Mapped[int | None]
    leap_month: Mapped[bool] = mapped_column(default=False)
    customer: Mapped[Customer] = relationship(back_populates="occasions")


class AuditEntry(WithId, Base):
    """What a person of the staff changed. Append-only: the database refuses everything else."""

    __tablename__ = "audit_log"
    __table_args__ = (
        Index("ix_audit_log_staff_at", "staff_id", "at", "id"),
        Index("ix_audit_log_action_at", "action", "at", "id"),
        Index("ix_audit_log_subject_at", "subject", "subject_id", "at", "id"),
    )
    at: Mapped[datetime] = mapped_column(index=True)
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    action: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(String(32))
    subject_id: Mapped[int]
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)
