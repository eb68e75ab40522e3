"""broadcasts: approval, pause, canary, delivery rows"""

from typing import Any

import sqlalchemy as sa
from alembic import op

import crm.models.base

revision = "b10000000005"
down_revision = "b10000000004"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_AT = crm.models.base.UtcDateTime(timezone=True)
_REASON = sa.Enum("errors", "approval", name="pausereason", native_enum=False, length=32)
_WAITING = sa.text("outbox_id IS NULL AND reason IS NULL")
_OF_CAMPAIGN = sa.text("campaign_id IS NOT NULL")
_CUSTOMER = "fk_campaign_recipients_customer_id_customers"
_REFERENCES = ("edited_by", "approved_by")


def upgrade() -> None:
    for added in _added():
        op.add_column("campaigns", added)
    for column in _REFERENCES:
        _add_reference(column)
    op.execute("UPDATE campaigns SET edited_by = created_by")
    # What was let go under the old rules stays let go.
    op.execute("UPDATE campaigns SET approved_by = created_by WHERE state <> 'draft'")
    op.execute("UPDATE campaigns SET canary_passed_at = started_at, watched_since = started_at")
    op.drop_index("ix_campaign_recipients_waiting", table_name="campaign_recipients")
    with op.batch_alter_table("campaign_recipients") as batch:
        batch.add_column(sa.Column("rank", sa.Integer(), nullable=False, server_default="0"))
        batch.add_column(sa.Column("version", sa.Integer(), nullable=True))
        batch.add_column(sa.Column("attempt", sa.Integer(), nullable=False, server_default="1"))
        batch.alter_column("customer_id", existing_type=_ID, nullable=True)
        batch.drop_constraint(op.f(_CUSTOMER), type_="foreignkey")
        batch.create_foreign_key(op.f(_CUSTOMER), "customers", ["customer_id"], ["id"], ondelete="SET NULL")
    op.execute("UPDATE campaign_recipients SET version = 1 WHERE outbox_id IS NOT NULL")
    _partial("ix_campaign_recipients_waiting", "campaign_recipients", ["campaign_id", "rank", "id"], _WAITING)
    op.create_index("ix_campaign_recipients_customer_id", "campaign_recipients", ["customer_id"])
    op.drop_index(op.f("ix_outbox_campaign_id"), table_name="outbox")
    _partial("ix_outbox_campaign_tried", "outbox", ["campaign_id", "sending_at"], _OF_CAMPAIGN)
    _create_trial_accounts()


def downgrade() -> None:
    op.drop_index("ix_outbox_campaign_tried", table_name="outbox")
    op.create_index(op.f("ix_outbox_campaign_id"), "outbox", ["campaign_id"])
    op.drop_index("ix_campaign_recipients_customer_id", table_name="campaign_recipients")
    op.drop_index("ix_campaign_recipients_waiting", table_name="campaign_recipients")
    op.execute("DELETE FROM campaign_recipients WHERE customer_id IS NULL")
    with op.batch_alter_table("campaign_recipients") as batch:
        batch.drop_constraint(op.f(_CUSTOMER), type_="foreignkey")
        batch.create_foreign_key(op.f(_CUSTOMER), "customers", ["customer_id"], ["id"])
        batch.alter_column("customer_id", existing_type=_ID, nullable=False)
        for name in ("attempt", "version", "rank"):
            batch.drop_column(name)
    waiting = ["campaign_id", "outbox_id", "reason", "id"]
    op.create_index("ix_campaign_recipients_waiting", "campaign_recipients", waiting)
    op.execute("UPDATE campaigns SET state = 'draft' WHERE state = 'approved'")
    op.execute("UPDATE campaigns SET state = 'cancelled' WHERE state = 'paused'")
    if op.get_bind().dialect.name != "sqlite":  # which cannot drop a column that refers to another table
        for column in _REFERENCES:
            op.drop_column("campaigns", column)
    for added in _added():
        op.drop_column("campaigns", added.name)
    op.drop_table("trial_accounts")


def _added() -> list[sa.Column[Any]]:
    return [
        sa.Column("version", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("pause_reason", _REASON, nullable=True),
        sa.Column("pause_detail", sa.JSON(), nullable=False, server_default="{}"),
        sa.Column("watched_since", _AT, nullable=True),
        sa.Column("canary_passed_at", _AT, nullable=True),
    ]


def _add_reference(column: str) -> None:
    # Other tables refer to campaigns, so SQLite cannot copy it; alembic would, to add a constraint.
    inspected = sa.inspect(op.get_bind()).get_columns("campaigns")
    if any(each["name"] == column for each in inspected):
        return  # left by a downgrade
    kind = "INTEGER" if op.get_bind().dialect.name == "sqlite" else "BIGINT"
    name = f"fk_campaigns_{column}_staff"
    op.execute(f"ALTER TABLE campaigns ADD COLUMN {column} {kind} CONSTRAINT {name} REFERENCES staff (id)")


def _create_trial_accounts() -> None:
    op.create_table(
        "trial_accounts",
        sa.Column("staff_id", _ID, nullable=False),
        sa.Column("account_id", _ID, nullable=False),
        sa.Column("at", _AT, nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_trial_accounts_staff_id_staff")),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["channel_accounts.id"],
            name=op.f("fk_trial_accounts_account_id_channel_accounts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("staff_id", name=op.f("pk_trial_accounts")),
    )


def _partial(name: str, table: str, columns: list[str], condition: sa.TextClause) -> None:
    op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition)
