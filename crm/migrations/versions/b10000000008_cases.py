"""complaints as cases: states, causes, partners, merges"""

from typing import Any

import sqlalchemy as sa
from alembic import op

import crm.models.base

revision = "b10000000008"
down_revision = "b10000000007"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_AT = crm.models.base.UtcDateTime(timezone=True)
_DUE = sa.text("due_at IS NOT NULL")
_OPEN = sa.text("state = 'open'")
_CAUSES = ("manufacture", "transport", "wrong_goods", "delay", "service", "information", "process", "use", "other")
_EVENTS = ("state", "assigned", "facts", "severity", "step", "partner", "compensation", "merged", "split")
_PARTNERS = ("supplier", "distributor", "carrier", "repairer")
_COMPENSATIONS = ("refund", "discount", "voucher", "replacement", "repair", "gift")
_REFERENCES = ("merged_into_id", "split_from_id")


def upgrade() -> None:
    for added in _added():
        op.add_column("complaints", added)
    for column in _REFERENCES:
        _add_reference(column)
    op.add_column(
        "complaint_events", sa.Column("kind", _enum("eventkind", _EVENTS), server_default="state", nullable=False)
    )
    op.add_column("complaint_events", sa.Column("detail", sa.JSON(), server_default="{}", nullable=False))
    op.execute("UPDATE complaints SET due_at = promised_at WHERE state IN ('new', 'in_progress')")
    op.execute("UPDATE complaints SET closed_at = resolved_at WHERE state = 'closed'")
    op.drop_index("ix_complaints_state", table_name="complaints")
    op.create_index("ix_complaints_state_id", "complaints", ["state", "id"])
    op.create_index("ix_complaints_owner_state", "complaints", ["owner_id", "state"])
    _partial("ix_complaints_due", "complaints", ["due_at", "id"], _DUE)
    for column in _REFERENCES:
        _partial(f"ix_complaints_{column}", "complaints", [column], sa.text(f"{column} IS NOT NULL"))
    _create_partners()
    _create_steps()
    _create_compensations()


def downgrade() -> None:
    for table in ("compensations", "case_steps", "partners"):
        op.drop_table(table)
    for name in (*_REFERENCES, "due", "owner_state", "state_id"):
        op.drop_index(f"ix_complaints_{name}", table_name="complaints")
    op.create_index("ix_complaints_state", "complaints", ["state"])
    op.execute("UPDATE complaints SET state = 'in_progress' WHERE state IN ('acknowledged', 'waiting_customer')")
    op.execute("DELETE FROM complaint_events WHERE kind <> 'state'")
    for column in ("from_state", "to_state"):
        op.execute(
            f"UPDATE complaint_events SET {column} = 'in_progress' WHERE {column} IN ('acknowledged', 'waiting_customer')"
        )
    for column in ("kind", "detail"):
        op.drop_column("complaint_events", column)
    if op.get_bind().dialect.name != "sqlite":  # which cannot drop a column that refers to another table
        for column in _REFERENCES:
            op.drop_column("complaints", column)
    for added in _added():
        op.drop_column("complaints", added.name)


def _added() -> list[sa.Column[Any]]:
    return [
        sa.Column("closed_at", _AT, nullable=True),
        sa.Column("due_at", _AT, nullable=True),
        sa.Column("cause", _enum("cause", _CAUSES), nullable=True),
    ]


def _enum(name: str, values: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, length=32)


def _add_reference(column: str) -> None:
    # Other tables refer to complaints, so SQLite cannot copy it; alembic would, to add a constraint.
    inspected = sa.inspect(op.get_bind()).get_columns("complaints")
    if any(each["name"] == column for each in inspected):
        return  # left by a downgrade
    kind = "INTEGER" if op.get_bind().dialect.name == "sqlite" else "BIGINT"
    name = f"fk_complaints_{column}_complaints"
    op.execute(f"ALTER TABLE complaints ADD COLUMN {column} {kind} CONSTRAINT {name} REFERENCES complaints (id)")


def _partial(name: str, table: str, columns: list[str], condition: sa.TextClause) -> None:
    op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition)


def _create_partners() -> None:
    op.create_table(
        "partners",
        sa.Column("id", _ID, nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("name_folded", sa.String(200), nullable=False),
        sa.Column("kind", _enum("partnerkind", _PARTNERS), nullable=False),
        sa.Column("contact", sa.String(200), nullable=False),
        sa.Column("phone", sa.String(32), nullable=False),
        sa.Column("email", sa.String(200), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", _AT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partners")),
        sa.UniqueConstraint("name_folded", name=op.f("uq_partners_name_folded")),
    )


def _create_steps() -> None:
    op.create_table(
        "case_steps",
        sa.Column("id", _ID, nullable=False),
        sa.Column("complaint_id", _ID, nullable=False),
        sa.Column("partner_id", _ID, nullable=True),
        sa.Column("staff_id", _ID, nullable=True),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("state", _enum("stepstate", ("open", "done", "dropped")), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("created_at", _AT, nullable=False),
        sa.Column("done_at", _AT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_steps")),
        _reference("case_steps", "complaint_id", "complaints"),
        _reference("case_steps", "partner_id", "partners"),
        _reference("case_steps", "staff_id", "staff"),
    )
    op.create_index("ix_case_steps_complaint_id", "case_steps", ["complaint_id"])
    op.create_index("ix_case_steps_partner", "case_steps", ["partner_id", "state"])
    _partial("ix_case_steps_open", "case_steps", ["due_on", "id"], _OPEN)


def _create_compensations() -> None:
    op.create_table(
        "compensations",
        sa.Column("id", _ID, nullable=False),
        sa.Column("complaint_id", _ID, nullable=False),
        sa.Column("kind", _enum("compensationkind", _COMPENSATIONS), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("staff_id", _ID, nullable=True),
        sa.Column("at", _AT, nullable=False),
        sa.Column("withdrawn_at", _AT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_compensations")),
        _reference("compensations", "complaint_id", "complaints"),
        _reference("compensations", "staff_id", "staff"),
    )
    op.create_index("ix_compensations_complaint_id", "compensations", ["complaint_id"])


def _reference(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=op.f(f"fk_{table}_{column}_{target}"))
