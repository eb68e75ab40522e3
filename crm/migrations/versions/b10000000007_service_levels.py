"""business calendar, service levels, promises"""

import sqlalchemy as sa
from alembic import op

import crm.models.base

revision = "b10000000007"
down_revision = "b10000000006"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_AT = crm.models.base.UtcDateTime(timezone=True)
_CLOCK = sa.Enum("first_response", "next_response", "resolution", name="clockkind", native_enum=False, length=32)
_PROMISE = sa.Enum("open", "kept", "broken", "withdrawn", name="promisestate", native_enum=False, length=32)
_NOTICE = sa.Enum(
    "clock_warning",
    "clock_breach",
    "clock_manager",
    "promise_near",
    "promise_broken",
    "mention",
    "assigned",
    "hold_lost",
    "recovery",
    "case_reopened",
    "case_answered",
    "partner_late",
    "general",
    name="noticekind",
    native_enum=False,
    length=32,
)


def upgrade() -> None:
    op.add_column("escalations", sa.Column("due_at", _AT, nullable=True))
    _partial("ix_escalations_due_at", "escalations", ["due_at"], "due_at IS NOT NULL")
    _create_clocks()
    _create_promises()
    _create_notices()
    _start_what_is_open()


def downgrade() -> None:
    op.drop_table("staff_notices")
    op.drop_table("promises")
    op.drop_table("service_clocks")
    op.drop_index("ix_escalations_due_at", table_name="escalations")
    op.drop_column("escalations", "due_at")


def _create_clocks() -> None:
    op.create_table(
        "service_clocks",
        sa.Column("id", _ID, nullable=False),
        sa.Column("complaint_id", _ID, nullable=True),
        sa.Column("escalation_id", _ID, nullable=True),
        sa.Column("kind", _CLOCK, nullable=False),
        sa.Column("allowance_s", sa.Integer(), nullable=False),
        *(sa.Column(name, _AT, nullable=False) for name in ("started_at", "warn_at", "due_at")),
        *(sa.Column(name, _AT, nullable=True) for name in ("notice_at", "paused_at")),
        sa.Column("left_s", sa.Integer(), nullable=True),
        sa.Column("stopped_at", _AT, nullable=True),
        sa.Column("met", sa.Boolean(), nullable=True),
        *(sa.Column(name, _AT, nullable=True) for name in ("warned_at", "lead_told_at", "manager_told_at")),
        sa.CheckConstraint(
            "(complaint_id IS NULL) <> (escalation_id IS NULL)", name=op.f("ck_service_clocks_one_subject")
        ),
        _reference("service_clocks", "complaint_id", "complaints", "CASCADE"),
        _reference("service_clocks", "escalation_id", "escalations", "CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_clocks")),
    )
    for subject in ("complaint", "escalation"):
        runs = f"uq_service_clocks_{subject}_runs"
        _partial(runs, "service_clocks", [f"{subject}_id", "kind"], "stopped_at IS NULL", unique=True)
        column = f"{subject}_id"
        _partial(f"ix_service_clocks_{column}", "service_clocks", [column], f"{column} IS NOT NULL")
    _partial("ix_service_clocks_notice_at", "service_clocks", ["notice_at"], "notice_at IS NOT NULL")


def _create_promises() -> None:
    op.create_table(
        "promises",
        sa.Column("id", _ID, nullable=False),
        sa.Column("customer_id", _ID, nullable=False),
        sa.Column("conversation_id", _ID, nullable=True),
        sa.Column("complaint_id", _ID, nullable=True),
        sa.Column("made_by_id", _ID, nullable=True),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("state", _PROMISE, nullable=False),
        *(sa.Column(name, _AT, nullable=False) for name in ("first_due_at", "due_at", "created_at")),
        *(sa.Column(name, _AT, nullable=True) for name in ("notice_at", "told_at", "settled_at")),
        sa.Column("settled_by_id", _ID, nullable=True),
        _reference("promises", "customer_id", "customers"),
        _reference("promises", "conversation_id", "conversations"),
        _reference("promises", "complaint_id", "complaints"),
        _reference("promises", "made_by_id", "staff"),
        _reference("promises", "settled_by_id", "staff"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_promises")),
    )
    op.create_index("ix_promises_customer_id", "promises", ["customer_id"])
    op.create_index("ix_promises_state_due", "promises", ["state", "due_at", "id"])
    op.create_index("ix_promises_state_settled", "promises", ["state", "settled_at", "id"])
    _partial("ix_promises_conversation_open", "promises", ["conversation_id"], "state = 'open'")
    for column in ("complaint_id", "notice_at"):
        _partial(f"ix_promises_{column}", "promises", [column], f"{column} IS NOT NULL")


def _create_notices() -> None:
    op.create_table(
        "staff_notices",
        sa.Column("id", _ID, nullable=False),
        sa.Column("staff_id", _ID, nullable=False),
        sa.Column("customer_id", _ID, nullable=True),
        sa.Column("kind", _NOTICE, nullable=False),
        sa.Column("key", sa.String(128), nullable=False),
        sa.Column("target", sa.String(200), nullable=False),
        sa.Column("words", sa.JSON(), nullable=False),
        sa.Column("at", _AT, nullable=False),
        sa.Column("read_at", _AT, nullable=True),
        _reference("staff_notices", "staff_id", "staff"),
        _reference("staff_notices", "customer_id", "customers"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_notices")),
        sa.UniqueConstraint("staff_id", "key", name=op.f("uq_staff_notices_staff_id_key")),
    )
    op.create_index("ix_staff_notices_customer_id", "staff_notices", ["customer_id"])
    op.create_index("ix_staff_notices_mine", "staff_notices", ["staff_id", "id"])
    _partial("ix_staff_notices_unread", "staff_notices", ["staff_id", "id"], "read_at IS NULL")


def _start_what_is_open() -> None:
    """Complaints that wait for their first answer keep the time they were promised, as a clock and as a promise."""
    op.execute(
        "INSERT INTO service_clocks (complaint_id, kind, allowance_s, started_at, warn_at, due_at, notice_at) "
        "SELECT id, 'first_response', CASE severity WHEN 'high' THEN 14400 WHEN 'low' THEN 93600 ELSE 46800 END, "
        "created_at, promised_at, promised_at, promised_at FROM complaints WHERE state = 'new'"
    )
    op.execute(
        "INSERT INTO promises (customer_id, conversation_id, complaint_id, words, state, first_due_at, due_at, notice_at, "
        "created_at) "
        "SELECT customer_id, conversation_id, id, code, 'open', promised_at, promised_at, promised_at, created_at "
        "FROM complaints WHERE state = 'new'"
    )


def _reference(table: str, column: str, target: str, gone: str | None = None) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{target}")
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=name, ondelete=gone)


def _partial(name: str, table: str, columns: list[str], condition: str, unique: bool = False) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, unique=unique, sqlite_where=where, postgresql_where=where)
