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
    failed_logins: Mapped[int] = mapped_column(default=0)
    next_login_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class StaffSession(Base):
    """One log-in of one browser. Holds the SHA-256 of the token in its cookie, never the token."""

    __tablename__ = "staff_sessions"
    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), index=True)
    created_at: Mapped[datetime]
