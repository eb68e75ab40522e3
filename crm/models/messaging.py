"""The durable ends of the channel: what came in, what must go out, button tokens, leases and receipts."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from crm.models.base import Base, WithId, by_value, filled
from crm.models.people import ChannelAccount, Purpose

_EXPIRES = text("expires_at IS NOT NULL")
_OF_CAMPAIGN = text("campaign_id IS NOT NULL")


class InboundState(StrEnum):
    PENDING = "pending"
    DONE = "done"
    DEAD = "dead"


class OutboxKind(StrEnum):
    """How urgent: a reply goes before care, care before marketing."""

    REPLY = "reply"
    CARE = "care"
    MARKETING = "marketing"


class OutboxState(StrEnum):
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"
    EXPIRED = "expired"


class Inbound(WithId, Base):
    """One update as Telegram gave it, known by (bot_id, update_id) as a set. `chat_id` is 0 for what has no chat.

    `claimed_by`: number of the worker that deals with it now; while that worker lives, its chat is closed to others.
    """

    __tablename__ = "inbound"
    __table_args__ = (
        UniqueConstraint("bot_id", "update_id"),
        Index("ix_inbound_pending", "bot_id", "state", "chat_id", "update_id"),
        Index("ix_inbound_waiting", "bot_id", "state", "update_id"),
        filled("ix_inbound_claimed_by", "claimed_by"),
        filled("ix_inbound_done_at", "done_at"),
    )
    bot_id: Mapped[int] = mapped_column(BigInteger)
    update_id: Mapped[int] = mapped_column(BigInteger)
    chat_id: Mapped[int] = mapped_column(BigInteger)
    payload: Mapped[dict[str, Any]]
    state: Mapped[InboundState] = mapped_column(by_value(InboundState), default=InboundState.PENDING)
    attempts: Mapped[int] = mapped_column(default=0)
    claimed_by: Mapped[int | None] = mapped_column(BigInteger)
    error: Mapped[str | None] = mapped_column(Text)
    received_at: Mapped[datetime]
    done_at: Mapped[datetime | None]


class Outbox(WithId, Base):
    """Everything a customer ever receives.

    `body`: {"text": str, "photo" | "document" | "voice"?: path, "name"?: str,
    "buttons"?: [[{"title": str, "token": str}]]}. `priority` is the kind as a
    number so that one index serves the queue. `dedupe_key` makes a repeat harmless. `fence` is the number of the worker
    that claimed the row; another's write is rejected.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        Index("ix_outbox_due", "bot_id", "state", "priority", "not_before", "id"),
        Index("ix_outbox_account_state", "account_id", "state", "kind"),
        Index("ix_outbox_campaign_due", "campaign_id", "state", "not_before", "id"),
        Index("ix_outbox_expiring", "state", "expires_at", sqlite_where=_EXPIRES, postgresql_where=_EXPIRES),
        filled("ix_outbox_sent_at", "sent_at"),
        Index(
            "ix_outbox_campaign_tried",
            "campaign_id",
            "sending_at",
            sqlite_where=_OF_CAMPAIGN,
            postgresql_where=_OF_CAMPAIGN,
        ),
    )
    bot_id: Mapped[int] = mapped_column(BigInteger)
    account_id: Mapped[int] = mapped_column(ForeignKey("channel_accounts.id"))
    kind: Mapped[OutboxKind] = mapped_column(by_value(OutboxKind))
    purpose: Mapped[Purpose] = mapped_column(by_value(Purpose))
    priority: Mapped[int]
    body: Mapped[dict[str, Any]]
    state: Mapped[OutboxState] = mapped_column(by_value(OutboxState), default=OutboxState.QUEUED)
    reason: Mapped[str | None] = mapped_column(String(200))
    dedupe_key: Mapped[str | None] = mapped_column(String(128), unique=True)
    campaign_id: Mapped[int | None] = mapped_column(ForeignKey("campaigns.id"))
    not_before: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    resends: Mapped[int] = mapped_column(default=0)
    fence: Mapped[int | None] = mapped_column(BigInteger)
    telegram_message_id: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime]
    sending_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    account: Mapped[ChannelAccount] = relationship()


class ButtonToken(Base):
    """What a button means, kept on our side: callback_data holds 64 bytes and can be forged."""

    __tablename__ = "button_tokens"
    token: Mapped[str] = mapped_column(String(32), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("channel_accounts.id"), index=True)
    title: Mapped[str] = mapped_column(String(200))
    payload: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class Lease(Base):
    """Who may act under `name` until `expires_at`. `fence` grows with each change of owner."""

    __tablename__ = "leases"
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    owner: Mapped[str] = mapped_column(String(64))
    fence: Mapped[int] = mapped_column(BigInteger, default=1)
    expires_at: Mapped[datetime]


class SendLimit(Base):
    """How fast all processes together may send for a bot: when the last messages went out, and until when none may.

    `recent`: [[moment since 1970 in grains of `send_limits.GRAIN_S`, messages], …]. Moments are the database's, so
    that machines whose clocks differ share one row.
    """

    __tablename__ = "send_limits"
    bot_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    recent: Mapped[list[Any]]
    frozen_until: Mapped[datetime | None]


class ActionReceipt(Base):
    """Proof that `action` already ran for the turn: running a turn twice after a crash writes once."""

    __tablename__ = "action_receipts"
    turn_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    action: Mapped[str] = mapped_column(String(64), primary_key=True)
    result: Mapped[dict[str, Any]]
    at: Mapped[datetime]


class Counter(Base):
    """Gap-free numbers for codes that people read, one row a series and year."""

    __tablename__ = "counters"
    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    value: Mapped[int]


class Heartbeat(Base):
    """The last sign of life of a process, and what it says of itself."""

    __tablename__ = "heartbeats"
    process: Mapped[str] = mapped_column(String(64), primary_key=True)
    at: Mapped[datetime]
    status: Mapped[str] = mapped_column(String(200), default="")
