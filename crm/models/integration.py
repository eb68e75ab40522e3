"""Other systems: their tokens, what they sent through us, webhooks to them, and files that were imported."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from crm.models.base import Base, WithId, by_value, filled
from crm.models.staff import Staff


class ApiToken(WithId, Base):
    """One system's key. Holds the SHA-256, never the token; `hint` is its beginning, to tell it from others.

    `scopes`: ["customers:read", …]. `staff_id`: the row under whose name the token stands in the audit log; nobody can
    log in as it.
    """

    __tablename__ = "api_tokens"
    name: Mapped[str] = mapped_column(String(100))
    hint: Mapped[str] = mapped_column(String(16))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[list[Any]]
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    created_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    staff: Mapped[Staff] = relationship(foreign_keys=[staff_id])


class ApiMessage(WithId, Base):
    """What a system asked to be sent, known by its own key: asked again, it gets the same answer.

    Without `outbox_id` it was refused for `refusal`, or its row in the outbox has been forgotten since.
    """

    __tablename__ = "api_messages"
    __table_args__ = (
        UniqueConstraint("token_id", "idempotency_key"),
        filled("ix_api_messages_outbox_id", "outbox_id"),
        Index("ix_api_messages_customer_id", "customer_id"),
    )
    token_id: Mapped[int] = mapped_column(ForeignKey("api_tokens.id"))
    idempotency_key: Mapped[str] = mapped_column(String(100))
    request_hash: Mapped[str] = mapped_column(String(64))
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"))
    outbox_id: Mapped[int | None] = mapped_column(ForeignKey("outbox.id", ondelete="SET NULL"))
    refusal: Mapped[str | None] = mapped_column(String(64))
    at: Mapped[datetime]


class WebhookEventType(StrEnum):
    COMPLAINT_OPENED = "complaint.opened"
    COMPLAINT_CHANGED = "complaint.changed"
    RATING_GIVEN = "rating.given"
    RATING_CHANGED = "rating.changed"
    HANDED_OVER = "conversation.handed_over"
    HANDED_BACK = "conversation.handed_back"
    CONSENT_WITHDRAWN = "consent.withdrawn"
    TEST = "test"


class WebhookEndpoint(WithId, Base):
    """Where events go. `events`: the types it wants. `secret_version` grows when its secret is changed.

    `failing_since`: no delivery has succeeded since then. `disabled_at`: nothing is sent to it any more.
    """

    __tablename__ = "webhook_endpoints"
    name: Mapped[str] = mapped_column(String(100))
    url: Mapped[str] = mapped_column(String(500))
    events: Mapped[list[Any]]
    secret_version: Mapped[int] = mapped_column(default=1)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    created_at: Mapped[datetime]
    failing_since: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]
    disabled_reason: Mapped[str | None] = mapped_column(String(64))
    removed_at: Mapped[datetime | None]


class WebhookEvent(WithId, Base):
    """Something that happened, as it is told: `data` holds numbers, codes and states, nothing that people wrote."""

    __tablename__ = "webhook_events"
    key: Mapped[str] = mapped_column(String(40), unique=True)
    type: Mapped[WebhookEventType] = mapped_column(by_value(WebhookEventType))
    data: Mapped[dict[str, Any]]
    at: Mapped[datetime] = mapped_column(index=True)


class WebhookState(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class WebhookDelivery(WithId, Base):
    """One event on its way to one endpoint. `claimed_until`: a process tries it now; `attempts` fences that process.

    `answer`: the first characters of what the endpoint said, or why it could not be reached.
    """

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        UniqueConstraint("event_id", "endpoint_id"),
        Index("ix_webhook_deliveries_due", "state", "due_at"),
        Index("ix_webhook_deliveries_log", "endpoint_id", "id"),
    )
    event_id: Mapped[int] = mapped_column(ForeignKey("webhook_events.id"))
    endpoint_id: Mapped[int] = mapped_column(ForeignKey("webhook_endpoints.id"))
    state: Mapped[WebhookState] = mapped_column(by_value(WebhookState), default=WebhookState.PENDING)
    attempts: Mapped[int] = mapped_column(default=0)
    first_due_at: Mapped[datetime]
    due_at: Mapped[datetime]
    claimed_until: Mapped[datetime | None]
    tried_at: Mapped[datetime | None]
    status: Mapped[int | None]
    answer: Mapped[str] = mapped_column(String(500), default="")
    event: Mapped[WebhookEvent] = relationship()
    endpoint: Mapped[WebhookEndpoint] = relationship()


class ImportKind(StrEnum):
    CUSTOMERS = "customers"
    PURCHASES = "purchases"


class ImportState(StrEnum):
    """CHECKING is the dry run, CHECKED its end, RUNNING writes."""

    CHECKING = "checking"
    CHECKED = "checked"
    RUNNING = "running"
    DONE = "done"
    UNREADABLE = "unreadable"
    CANCELLED = "cancelled"


class Import(WithId, Base):
    """A file of customers or purchases. `path`: below var/imports; None once the file was deleted.

    `next_row`: rows before it are dealt with, so that whoever goes on knows where. `counts`: rows by outcome, of the
    dry run or of the import, whichever came last. `reason`: why the file cannot be read.
    """

    __tablename__ = "imports"
    __table_args__ = (Index("ix_imports_state", "state", "id"),)
    kind: Mapped[ImportKind] = mapped_column(by_value(ImportKind))
    filename: Mapped[str] = mapped_column(String(200))
    path: Mapped[str | None] = mapped_column(String(200))
    state: Mapped[ImportState] = mapped_column(by_value(ImportState))
    reason: Mapped[str | None] = mapped_column(String(64))
    columns: Mapped[list[Any]] = mapped_column(default=list)
    next_row: Mapped[int] = mapped_column(default=0)
    total: Mapped[int | None]
    counts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class ImportRow(WithId, Base):
    """A row of the file that was refused. `problems`: [{"column", "value", "reason"}]; `cells`: as they stood there."""

    __tablename__ = "import_rows"
    __table_args__ = (UniqueConstraint("import_id", "number"),)
    import_id: Mapped[int] = mapped_column(ForeignKey("imports.id", ondelete="CASCADE"))
    number: Mapped[int]
    cells: Mapped[list[Any]]
    problems: Mapped[list[Any]]
