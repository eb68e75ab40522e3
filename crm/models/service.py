"""Service levels: the clocks that run, the promises that were made, and the notices that reach staff."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from crm.models.base import Base, WithId, by_value, filled

_RUNS = text("stopped_at IS NULL")
_UNREAD = text("read_at IS NULL")
_OPEN = text("state = 'open'")


class ClockSubject(StrEnum):
    """What a clock is about: a complaint, or a call for a person (an escalation)."""

    COMPLAINT = "complaint"
    CALL = "call"


class ClockKind(StrEnum):
    FIRST_RESPONSE = "first_response"
    NEXT_RESPONSE = "next_response"
    RESOLUTION = "resolution"


class ServiceClock(WithId, Base):
    """One time that is to be kept, about one complaint or one call; at most one of a kind runs at a time.

    `allowance_s` and `left_s` are working time; `left_s` is set while the clock is paused. `notice_at` is when the
    scheduler has to look at it next (None: nothing more to say). `met` is None until it is decided: False from the
    breach on, whatever happens later; None on a stopped clock means that it ended without a verdict.
    """

    __tablename__ = "service_clocks"
    __table_args__ = (
        CheckConstraint("(complaint_id IS NULL) <> (escalation_id IS NULL)", name="one_subject"),
        Index(
            "uq_service_clocks_complaint_runs",
            "complaint_id",
            "kind",
            unique=True,
            sqlite_where=_RUNS,
            postgresql_where=_RUNS,
        ),
        Index(
            "uq_service_clocks_escalation_runs",
            "escalation_id",
            "kind",
            unique=True,
            sqlite_where=_RUNS,
            postgresql_where=_RUNS,
        ),
        filled("ix_service_clocks_complaint_id", "complaint_id"),
        filled("ix_service_clocks_escalation_id", "escalation_id"),
        filled("ix_service_clocks_notice_at", "notice_at"),
    )
    complaint_id: Mapped[int | None] = mapped_column(ForeignKey("complaints.id", ondelete="CASCADE"))
    escalation_id: Mapped[int | None] = mapped_column(ForeignKey("escalations.id", ondelete="CASCADE"))
    kind: Mapped[ClockKind] = mapped_column(by_value(ClockKind))
    allowance_s: Mapped[int]
    started_at: Mapped[datetime]
    warn_at: Mapped[datetime]
    due_at: Mapped[datetime]
    notice_at: Mapped[datetime | None]
    paused_at: Mapped[datetime | None]
    left_s: Mapped[int | None]
    stopped_at: Mapped[datetime | None]
    met: Mapped[bool | None]
    warned_at: Mapped[datetime | None]
    lead_told_at: Mapped[datetime | None]
    manager_told_at: Mapped[datetime | None]


class PromiseState(StrEnum):
    OPEN = "open"
    KEPT = "kept"
    BROKEN = "broken"
    WITHDRAWN = "withdrawn"


class Promise(WithId, Base):
    """ "We will answer by …", said to a customer by the assistant (`made_by_id` None) or by a person.

    `due_at` is what the customer was told last, `first_due_at` what they were told first; `told_at` is when they were
    told of the later time. `notice_at` is when the scheduler has to look at it next. `words`, in Vietnamese, are what
    was promised.
    """

    __tablename__ = "promises"
    __table_args__ = (
        Index("ix_promises_state_due", "state", "due_at", "id"),
        Index("ix_promises_state_settled", "state", "settled_at", "id"),
        Index("ix_promises_conversation_open", "conversation_id", sqlite_where=_OPEN, postgresql_where=_OPEN),
        filled("ix_promises_complaint_id", "complaint_id"),
        filled("ix_promises_notice_at", "notice_at"),
    )
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    conversation_id: Mapped[int | None] = mapped_column(ForeignKey("conversations.id"))
    complaint_id: Mapped[int | None] = mapped_column(ForeignKey("complaints.id"))
    made_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    words: Mapped[str] = mapped_column(Text)
    state: Mapped[PromiseState] = mapped_column(by_value(PromiseState), default=PromiseState.OPEN)
    first_due_at: Mapped[datetime]
    due_at: Mapped[datetime]
    notice_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    told_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    settled_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))


class NoticeKind(StrEnum):
    """What staff are told of in the console's bell and, where they linked their chat, on Telegram."""

    CLOCK_WARNING = "clock_warning"
    CLOCK_BREACH = "clock_breach"
    CLOCK_MANAGER = "clock_manager"
    PROMISE_NEAR = "promise_near"
    PROMISE_BROKEN = "promise_broken"
    MENTION = "mention"
    ASSIGNED = "assigned"
    HOLD_LOST = "hold_lost"
    RECOVERY = "recovery"
    CASE_REOPENED = "case_reopened"
    CASE_ANSWERED = "case_answered"
    PARTNER_LATE = "partner_late"
    REPLY_OVERTAKEN = "reply_overtaken"
    REPLY_UNHELD = "reply_unheld"
    BROADCAST_HALTED = "broadcast_halted"
    GENERAL = "general"


class StaffNotice(WithId, Base):
    """One thing one person is told, once: `key` names it. `target` is the console page it is about.

    `words` fill the sentence of its kind; where they hold a customer's name, `customer_id` says whose.
    """

    __tablename__ = "staff_notices"
    __table_args__ = (
        UniqueConstraint("staff_id", "key"),
        Index("ix_staff_notices_mine", "staff_id", "id"),
        Index("ix_staff_notices_unread", "staff_id", "id", sqlite_where=_UNREAD, postgresql_where=_UNREAD),
    )
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"), index=True)
    kind: Mapped[NoticeKind] = mapped_column(by_value(NoticeKind))
    key: Mapped[str] = mapped_column(String(128))
    target: Mapped[str] = mapped_column(String(200))
    words: Mapped[dict[str, Any]] = mapped_column(default=dict)
    at: Mapped[datetime]
    read_at: Mapped[datetime | None]
