"""satisfaction after a case, recovery tasks, review of understanding"""

import sqlalchemy as sa
from alembic import op

import crm.models.base

revision = "b10000000013"
down_revision = "b10000000012"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_AT = crm.models.base.UtcDateTime(timezone=True)
_TIER = sa.Enum("none", "silver", "gold", "platinum", name="tier", native_enum=False, length=32)
_STATE = sa.Enum("open", "taken", "done", "withdrawn", name="recoverystate", native_enum=False, length=32)
_WAITING = sa.text("asked_at IS NULL AND skipped_at IS NULL")
_ALIVE = sa.text("state <> 'done' AND state <> 'withdrawn'")


def upgrade() -> None:
    _widen_surveys()
    op.add_column("ratings", sa.Column("tier", _TIER, nullable=True))
    _add_rating_staff()
    op.create_table(
        "recovery_tasks",
        sa.Column("id", _ID, nullable=False),
        sa.Column("rating_id", _ID, nullable=False),
        sa.Column("customer_id", _ID, nullable=False),
        sa.Column("complaint_id", _ID, nullable=True),
        sa.Column("state", _STATE, nullable=False),
        sa.Column("staff_id", _ID, nullable=True),
        sa.Column("opened_at", _AT, nullable=False),
        sa.Column("taken_at", _AT, nullable=True),
        sa.Column("done_at", _AT, nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_tasks")),
        sa.UniqueConstraint("rating_id", name=op.f("uq_recovery_tasks_rating_id")),
        *(
            sa.ForeignKeyConstraint([column], [f"{to}.id"], name=op.f(f"fk_recovery_tasks_{column}_{to}"))
            for column, to in (
                ("rating_id", "ratings"),
                ("customer_id", "customers"),
                ("complaint_id", "complaints"),
                ("staff_id", "staff"),
            )
        ),
    )
    op.create_index("ix_recovery_tasks_customer_id", "recovery_tasks", ["customer_id"])
    op.create_index("ix_recovery_tasks_done_at", "recovery_tasks", ["done_at", "id"])
    _partial("ix_recovery_tasks_alive", "recovery_tasks", ["opened_at", "id"], _ALIVE)


def downgrade() -> None:
    op.drop_table("recovery_tasks")
    if op.get_bind().dialect.name != "sqlite":  # which cannot drop a column that refers to another table
        op.drop_column("ratings", "staff_id")
    op.drop_column("ratings", "tier")
    op.drop_index("ix_surveys_customer", table_name="surveys")
    op.drop_index("ix_surveys_waiting", table_name="surveys")
    # What was skipped counts as asked: nobody is asked late for a downgrade.
    op.execute("UPDATE surveys SET asked_at = skipped_at WHERE asked_at IS NULL")
    with op.batch_alter_table("surveys") as batch:
        for column, target in (("customer_id", "customers"), ("staff_id", "staff")):
            batch.drop_constraint(op.f(f"fk_surveys_{column}_{target}"), type_="foreignkey")
            batch.drop_column(column)
        for column in ("tier", "skipped_at"):
            batch.drop_column(column)
    op.create_index("ix_surveys_due_at", "surveys", ["due_at"])


def _widen_surveys() -> None:
    op.drop_index("ix_surveys_due_at", table_name="surveys")
    with op.batch_alter_table("surveys") as batch:
        batch.add_column(sa.Column("customer_id", _ID, nullable=True))
        batch.add_column(sa.Column("staff_id", _ID, nullable=True))
        batch.add_column(sa.Column("tier", _TIER, nullable=False, server_default="none"))
        batch.add_column(sa.Column("skipped_at", _AT, nullable=True))
    of_complaint = "FROM complaints WHERE complaints.id = surveys.complaint_id"
    op.execute(f"UPDATE surveys SET customer_id = (SELECT customer_id {of_complaint})")
    op.execute(f"UPDATE surveys SET staff_id = (SELECT owner_id {of_complaint})")
    with op.batch_alter_table("surveys") as batch:
        batch.alter_column("customer_id", existing_type=_ID, nullable=False)
        batch.create_foreign_key(op.f("fk_surveys_customer_id_customers"), "customers", ["customer_id"], ["id"])
        batch.create_foreign_key(op.f("fk_surveys_staff_id_staff"), "staff", ["staff_id"], ["id"])
    op.create_index("ix_surveys_customer", "surveys", ["customer_id", "asked_at"])
    _partial("ix_surveys_waiting", "surveys", ["due_at"], _WAITING)


def _add_rating_staff() -> None:
    # Ratings that are there already keep nobody: who had answered is not known any more.
    inspected = sa.inspect(op.get_bind()).get_columns("ratings")
    if any(each["name"] == "staff_id" for each in inspected):
        return  # left by a downgrade
    kind = "INTEGER" if op.get_bind().dialect.name == "sqlite" else "BIGINT"
    name = "fk_ratings_staff_id_staff"
    op.execute(f"ALTER TABLE ratings ADD COLUMN staff_id {kind} CONSTRAINT {name} REFERENCES staff (id)")


def _partial(name: str, table: str, columns: list[str], condition: sa.TextClause) -> None:
    op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition)
