"""The people who work in the console."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from crm.models.base import Base, WithId, by_value


class Role(StrEnum):
    """AGENT answers, LEAD answers and steps in where clocks run out, OWNER is ADMIN and whose shop it is."""

    AGENT = "agent"
    LEAD = "lead"
    MARKETING = "marketing"
    ADMIN = "admin"
    OWNER = "owner"


class Staff(WithId, Base):
    __tablename__ = "staff"
    username: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    role: Mapped[Role] = mapped_column(by_value(Role))
    password_hash: Mapped[str] = mapped_column(String(256))
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]
    language: Mapped[str | None] = mapped_column(String(8))
    # The second factor: a shared secret (base32), when a first code of it was right, and the last half minute whose
    # code was taken, so that none is taken twice.
    totp_secret: Mapped[str | None] = mapped_column(String(64))
    totp_since: Mapped[datetime | None]
    totp_last_step: Mapped[int] = mapped_column(default=0, server_default="0")


class StaffSession(Base):
    """One log-in of one browser. Holds the SHA-256 of the token in its cookie, never the token."""

    __tablename__ = "staff_sessions"
    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), index=True)
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    device: Mapped[str] = mapped_column(String(200), default="", server_default="")
    address: Mapped[str] = mapped_column(String(64), default="", server_default="")


class LinkPurpose(StrEnum):
    """What a one-time link lets its holder do."""

    FIRST = "first"
    PASSWORD = "password"
    SECOND_STEP = "second_step"


class StaffLink(WithId, Base):
    """A one-time link. Holds the SHA-256 of its token; `staff_id` is null for the one that makes the first person."""

    __tablename__ = "staff_links"
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    purpose: Mapped[LinkPurpose] = mapped_column(by_value(LinkPurpose))
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"), index=True)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class RecoveryCode(WithId, Base):
    """One of the codes that stand in for a lost phone, each good for one log-in; its SHA-256."""

    __tablename__ = "recovery_codes"
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), index=True)
    code_hash: Mapped[str] = mapped_column(String(64))
    used_at: Mapped[datetime | None]


class LoginWait(Base):
    """Wrong passwords from one place (see `crm.login_waits`), and until when the next one from there is not judged."""

    __tablename__ = "login_waits"
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    failures: Mapped[int]
    last_at: Mapped[datetime] = mapped_column(index=True)
    next_at: Mapped[datetime | None]
