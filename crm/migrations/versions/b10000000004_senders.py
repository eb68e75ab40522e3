"""several processes of a bot: claims of chats and messages, the limiter's row"""

import sqlalchemy as sa
from alembic import op

import crm.models.base

revision = "b10000000004"
down_revision = "b10000000003"
branch_labels = None
depends_on = None

_AT = crm.models.base.UtcDateTime(timezone=True)
_INDEXES = (
    ("ix_inbound_waiting", "inbound", ["bot_id", "state", "update_id"]),
    ("ix_outbox_account_state", "outbox", ["account_id", "state", "kind"]),
    ("ix_outbox_campaign_due", "outbox", ["campaign_id", "state", "not_before", "id"]),
)
_FILLED = (
    ("ix_inbound_claimed_by", "inbound", ["claimed_by"], "claimed_by IS NOT NULL"),
    ("ix_outbox_expiring", "outbox", ["state", "expires_at"], "expires_at IS NOT NULL"),
)


def upgrade() -> None:
    op.add_column("inbound", sa.Column("claimed_by", sa.BigInteger(), nullable=True))
    op.add_column("channel_accounts", sa.Column("quiet_until", _AT, nullable=True))
    op.add_column("channel_accounts", sa.Column("slowed_at", _AT, nullable=True))
    op.create_table(
        "send_limits",
        sa.Column("bot_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("recent", sa.JSON(), nullable=False),
        sa.Column("frozen_until", _AT, nullable=True),
        sa.PrimaryKeyConstraint("bot_id", name=op.f("pk_send_limits")),
    )
    for name, table, columns in _INDEXES:
        op.create_index(name, table, columns)
    for name, table, columns, filled in _FILLED:
        op.create_index(name, table, columns, sqlite_where=sa.text(filled), postgresql_where=sa.text(filled))
    op.drop_index("ix_outbox_account_sent", table_name="outbox")
    # Workers are numbered from beyond what the one sender of before may have left on its rows.
    op.execute(
        "INSERT INTO leases (name, owner, fence, expires_at) "
        "SELECT 'workers:' || substr(name, 5), 'migration', fence + 1, expires_at FROM leases WHERE name LIKE 'bot:%'"
    )


def downgrade() -> None:
    op.execute("DELETE FROM leases WHERE name LIKE 'worker%'")
    op.create_index("ix_outbox_account_sent", "outbox", ["account_id", "kind", "sent_at"])
    for name, table, *_ in (*_FILLED, *_INDEXES):
        op.drop_index(name, table_name=table)
    op.drop_table("send_limits")
    for table, column in (
        ("channel_accounts", "slowed_at"),
        ("channel_accounts", "quiet_until"),
        ("inbound", "claimed_by"),
    ):
        op.drop_column(table, column)
