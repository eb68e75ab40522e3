"""Broadcasts of marketing and the people they were planned for."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from crm.models.base import Base, WithId, by_value, filled


class CampaignState(StrEnum):
    DRAFT = "draft"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    FINISHED = "finished"
    CANCELLED = "cancelled"


class Campaign(WithId, Base):
    """`audience`: {"kind": "all"} | {"kind": "tier", "tier": "gold"} | {"kind": "person", "customer_id": 7}."""

    __tablename__ = "campaigns"
    name: Mapped[str] = mapped_column(String(200))
    text: Mapped[str] = mapped_column(Text)
    audience: Mapped[dict[str, Any]]
    state: Mapped[CampaignState] = mapped_column(by_value(CampaignState), default=CampaignState.DRAFT, index=True)
    created_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    created_at: Mapped[datetime]
    scheduled_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class CampaignRecipient(WithId, Base):
    """Frozen when the campaign starts. Without `outbox_id` the person was left out, for `reason`."""

    __tablename__ = "campaign_recipients"
    __table_args__ = (
        UniqueConstraint("campaign_id", "customer_id"),
        Index("ix_campaign_recipients_waiting", "campaign_id", "outbox_id", "reason", "id"),
        filled("ix_campaign_recipients_outbox_id", "outbox_id"),
    )
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id"))
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    outbox_id: Mapped[int | None] = mapped_column(ForeignKey("outbox.id"))
    reason: Mapped[str | None] = mapped_column(String(64))
