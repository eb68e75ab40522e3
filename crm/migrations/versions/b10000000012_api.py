"""tokens, webhooks, imports"""

import sqlalchemy as sa
from alembic import op

from crm.models.base import UtcDateTime

revision = "b10000000012"
down_revision = "b10000000011"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _id() -> sa.Column:
    return sa.Column("id", _ID, nullable=False)


def _at(name: str, nullable: bool = False) -> sa.Column:
    return sa.Column(name, UtcDateTime(timezone=True), nullable=nullable)


def _to(table: str, column: str, target: str, ondelete: str | None = None) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{target}")
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=name, ondelete=ondelete)


def _key(table: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}"))


def upgrade() -> None:
    _tokens()
    _messages()
    _webhooks()
    _deliveries()
    _imports()


def _tokens() -> None:
    op.create_table(
        "api_tokens",
        _id(),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("hint", sa.String(16), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("staff_id", _ID, nullable=False),
        sa.Column("created_by", _ID, nullable=True),
        _at("created_at"),
        _at("expires_at"),
        _at("revoked_at", True),
        _at("last_used_at", True),
        _to("api_tokens", "staff_id", "staff"),
        _to("api_tokens", "created_by", "staff"),
        _key("api_tokens"),
        sa.UniqueConstraint("token_hash", name=op.f("uq_api_tokens_token_hash")),
    )


def _messages() -> None:
    op.create_table(
        "api_messages",
        _id(),
        sa.Column("token_id", _ID, nullable=False),
        sa.Column("idempotency_key", sa.String(100), nullable=False),
        sa.Column("request_hash", sa.String(64), nullable=False),
        sa.Column("customer_id", _ID, nullable=False),
        sa.Column("outbox_id", _ID, nullable=True),
        sa.Column("refusal", sa.String(64), nullable=True),
        _at("at"),
        _to("api_messages", "token_id", "api_tokens"),
        _to("api_messages", "customer_id", "customers", "CASCADE"),
        _to("api_messages", "outbox_id", "outbox", "SET NULL"),
        _key("api_messages"),
        sa.UniqueConstraint("token_id", "idempotency_key", name=op.f("uq_api_messages_token_id_idempotency_key")),
    )
    some = sa.text("outbox_id IS NOT NULL")
    op.create_index(
        "ix_api_messages_outbox_id", "api_messages", ["outbox_id"], sqlite_where=some, postgresql_where=some
    )
    op.create_index("ix_api_messages_customer_id", "api_messages", ["customer_id"])


def _webhooks() -> None:
    op.create_table(
        "webhook_endpoints",
        _id(),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("url", sa.String(500), nullable=False),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.Column("secret_version", sa.Integer(), nullable=False),
        sa.Column("created_by", _ID, nullable=True),
        _at("created_at"),
        _at("failing_since", True),
        _at("disabled_at", True),
        sa.Column("disabled_reason", sa.String(64), nullable=True),
        _at("removed_at", True),
        _to("webhook_endpoints", "created_by", "staff"),
        _key("webhook_endpoints"),
    )
    op.create_table(
        "webhook_events",
        _id(),
        sa.Column("key", sa.String(40), nullable=False),
        sa.Column("type", sa.String(32), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        _at("at"),
        _key("webhook_events"),
        sa.UniqueConstraint("key", name=op.f("uq_webhook_events_key")),
    )
    op.create_index(op.f("ix_webhook_events_at"), "webhook_events", ["at"])


def _deliveries() -> None:
    op.create_table(
        "webhook_deliveries",
        _id(),
        sa.Column("event_id", _ID, nullable=False),
        sa.Column("endpoint_id", _ID, nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        _at("first_due_at"),
        _at("due_at"),
        _at("claimed_until", True),
        _at("tried_at", True),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("answer", sa.String(500), nullable=False),
        _to("webhook_deliveries", "event_id", "webhook_events"),
        _to("webhook_deliveries", "endpoint_id", "webhook_endpoints"),
        _key("webhook_deliveries"),
        sa.UniqueConstraint("event_id", "endpoint_id", name=op.f("uq_webhook_deliveries_event_id_endpoint_id")),
    )
    op.create_index("ix_webhook_deliveries_due", "webhook_deliveries", ["state", "due_at"])
    op.create_index("ix_webhook_deliveries_log", "webhook_deliveries", ["endpoint_id", "id"])


def _imports() -> None:
    op.create_table(
        "imports",
        _id(),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("filename", sa.String(200), nullable=False),
        sa.Column("path", sa.String(200), nullable=True),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("reason", sa.String(64), nullable=True),
        sa.Column("columns", sa.JSON(), nullable=False),
        sa.Column("next_row", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("staff_id", _ID, nullable=True),
        _at("created_at"),
        _at("finished_at", True),
        _to("imports", "staff_id", "staff"),
        _key("imports"),
    )
    op.create_index("ix_imports_state", "imports", ["state", "id"])
    op.create_table(
        "import_rows",
        _id(),
        sa.Column("import_id", _ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("cells", sa.JSON(), nullable=False),
        sa.Column("problems", sa.JSON(), nullable=False),
        _to("import_rows", "import_id", "imports", "CASCADE"),
        _key("import_rows"),
        sa.UniqueConstraint("import_id", "number", name=op.f("uq_import_rows_import_id_number")),
    )


_TABLES = (
    "import_rows",
    "imports",
    "webhook_deliveries",
    "webhook_events",
    "webhook_endpoints",
    "api_messages",
    "api_tokens",
)


def downgrade() -> None:
    for table in _TABLES:
        op.drop_table(table)
