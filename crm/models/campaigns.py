"""Broadcasts of marketing and the people they were planned for."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from crm.models.base import Base, WithId, by_value, filled

_WAITING = text("outbox_id IS NULL AND reason IS NULL")


class CampaignState(StrEnum):
    DRAFT = "draft"
    APPROVED = "approved"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    CANCELLED = "cancelled"


class PauseReason(StrEnum):
    """Why a campaign paused by itself; one that a person paused has no reason.

    MISSED: nothing ran that could start it when it was due; it is approved again, and a person starts it.
    """

    ERRORS = "errors"
    APPROVAL = "approval"
    MISSED = "missed"


class Campaign(WithId, Base):
    """`audience`: {"kind": "all"} | {"kind": "tier", "tier": "gold"} | {"kind": "person", "customer_id": 7}.

    `version` counts the texts that people were sent: an edit while paused makes a new one. `approved_by` is of the
    present text. `pause_detail`: {"errors": int, "tried": int}, {"people": int} or {"due": ISO moment}.
    `watched_since`: messages tried from then on count for the rate of errors; until `canary_passed_at` only the canary
    is sent.
    """

    __tablename__ = "campaigns"
    name: Mapped[str] = mapped_column(String(200))
    text: Mapped[str] = mapped_column(Text)
    version: Mapped[int] = mapped_column(default=1)
    audience: Mapped[dict[str, Any]]
    state: Mapped[CampaignState] = mapped_column(by_value(CampaignState), default=CampaignState.DRAFT, index=True)
    pause_reason: Mapped[PauseReason | None] = mapped_column(by_value(PauseReason))
    pause_detail: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    edited_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    approved_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    created_at: Mapped[datetime]
    scheduled_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    watched_since: Mapped[datetime | None]
    canary_passed_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    @property
    def author_id(self) -> int:
        """Who wrote the present text."""
        return self.edited_by or self.created_by


class CampaignRecipient(WithId, Base):
    """Frozen when the campaign starts. Without `outbox_id` the person waits, or was left out for `reason`.

    `rank`: lower goes first. `version` and `attempt` are those of the message `outbox_id`. The snapshot outlives the
    people in it: whoever was erased leaves a row without `customer_id`.
    """

    __tablename__ = "campaign_recipients"
    __table_args__ = (
        UniqueConstraint("campaign_id", "customer_id"),
        Index(
            "ix_campaign_recipients_waiting",
            "campaign_id",
            "rank",
            "id",
            sqlite_where=_WAITING,
            postgresql_where=_WAITING,
        ),
        filled("ix_campaign_recipients_outbox_id", "outbox_id"),
        Index("ix_campaign_recipients_customer_id", "customer_id"),
    )
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id"))
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id", ondelete="SET NULL"))
    outbox_id: Mapped[int | None] = mapped_column(ForeignKey("outbox.id"))
    reason: Mapped[str | None] = mapped_column(String(64))
    rank: Mapped[int] = mapped_column(default=0)
    version: Mapped[int | None]
    attempt: Mapped[int] = mapped_column(default=1)


class TrialAccount(Base):
    """A member of staff's own chat with the shop, proven by them, to which they may send a text to try it."""

    __tablename__ = "trial_accounts"
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("channel_accounts.id", ondelete="CASCADE"))
    at: Mapped[datetime]
