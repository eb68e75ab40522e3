"""housekeeping: what was purged and backed up, and the indexes that purge and metrics look things up by"""

import sqlalchemy as sa
from alembic import op

import crm.models.base

revision = "b10000000003"
down_revision = "b10000000002"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_AT = crm.models.base.UtcDateTime(timezone=True)
_INDEXES = (
    ("ix_inbound_done_at", "inbound", "done_at"),
    ("ix_outbox_sent_at", "outbox", "sent_at"),
    ("ix_greetings_outbox_id", "greetings", "outbox_id"),
    ("ix_campaign_recipients_outbox_id", "campaign_recipients", "outbox_id"),
)


def upgrade() -> None:
    op.create_table(
        "housekeeping",
        sa.Column("id", _ID, nullable=False),
        sa.Column("job", sa.String(length=32), nullable=False),
        sa.Column("local_date", sa.Date(), nullable=False),
        sa.Column("started_at", _AT, nullable=False),
        sa.Column("finished_at", _AT, nullable=True),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_housekeeping")),
        sa.UniqueConstraint("job", "local_date", name=op.f("uq_housekeeping_job_local_date")),
    )
    for name, table, column in _INDEXES:
        filled = sa.text(f"{column} IS NOT NULL")
        op.create_index(name, table, [column], sqlite_where=filled, postgresql_where=filled)


def downgrade() -> None:
    for name, table, _ in _INDEXES:
        op.drop_index(name, table_name=table)
    op.drop_table("housekeeping")
