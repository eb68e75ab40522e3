"""roles, second factor, sessions, first admin"""

from typing import Any

import sqlalchemy as sa
from alembic import op

import crm.models.base

revision = "b10000000011"
down_revision = "b10000000010"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_AT = crm.models.base.UtcDateTime(timezone=True)
_PURPOSE = sa.Enum("first", "password", "second_step", name="linkpurpose", native_enum=False, length=32)
_AUDIT_INDEXES = (
    ("ix_audit_log_staff_at", ["staff_id", "at", "id"]),
    ("ix_audit_log_action_at", ["action", "at", "id"]),
    ("ix_audit_log_subject_at", ["subject", "subject_id", "at", "id"]),
)
# The one change that a line of the audit log may see: its details go when the person they are about is erased.
_ERASED = '{"erased": true}'
_KEPT = ("id", "at", "staff_id", "action", "subject", "subject_id")


def upgrade() -> None:
    for column in _staff_columns():
        op.add_column("staff", column)
    # Tries are counted by where they come from now: a stranger's do not hold the right person up.
    op.drop_column("staff", "failed_logins")
    op.drop_column("staff", "next_login_at")
    op.execute("DELETE FROM staff_sessions")  # people log in once more, so that each log-in has its place and time
    op.add_column("staff_sessions", sa.Column("device", sa.String(200), nullable=False, server_default=""))
    op.add_column("staff_sessions", sa.Column("address", sa.String(64), nullable=False, server_default=""))
    with op.batch_alter_table("staff_sessions") as batch:
        batch.add_column(sa.Column("last_seen_at", _AT, nullable=False))
    _create_tables()
    for name, columns in _AUDIT_INDEXES:
        op.create_index(name, "audit_log", columns)
    _guard_audit_log()


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER audit_log_no_update")
        op.execute("DROP TRIGGER audit_log_no_delete")
    else:
        op.execute("DROP TRIGGER audit_log_append_only ON audit_log")
        op.execute("DROP FUNCTION audit_log_append_only()")
    for name, _ in _AUDIT_INDEXES:
        op.drop_index(name, table_name="audit_log")
    for table in ("login_waits", "recovery_codes", "staff_links"):
        op.drop_table(table)
    for name in ("last_seen_at", "address", "device"):
        op.drop_column("staff_sessions", name)
    op.add_column("staff", sa.Column("failed_logins", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("staff", sa.Column("next_login_at", _AT, nullable=True))
    for column in _staff_columns():
        op.drop_column("staff", column.name)


def _staff_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("language", sa.String(8), nullable=True),
        sa.Column("totp_secret", sa.String(64), nullable=True),
        sa.Column("totp_since", _AT, nullable=True),
        sa.Column("totp_last_step", sa.Integer(), nullable=False, server_default="0"),
    ]


def _create_tables() -> None:
    op.create_table(
        "staff_links",
        sa.Column("id", _ID, nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("purpose", _PURPOSE, nullable=False),
        sa.Column("staff_id", _ID, nullable=True),
        sa.Column("expires_at", _AT, nullable=False),
        sa.Column("used_at", _AT, nullable=True),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_staff_links_staff_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_links")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_staff_links_token_hash")),
    )
    op.create_index(op.f("ix_staff_links_staff_id"), "staff_links", ["staff_id"])
    op.create_table(
        "recovery_codes",
        sa.Column("id", _ID, nullable=False),
        sa.Column("staff_id", _ID, nullable=False),
        sa.Column("code_hash", sa.String(64), nullable=False),
        sa.Column("used_at", _AT, nullable=True),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_recovery_codes_staff_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_codes")),
    )
    op.create_index(op.f("ix_recovery_codes_staff_id"), "recovery_codes", ["staff_id"])
    op.create_table(
        "login_waits",
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_at", _AT, nullable=False),
        sa.Column("next_at", _AT, nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_login_waits")),
    )
    op.create_index(op.f("ix_login_waits_last_at"), "login_waits", ["last_at"])


def _guard_audit_log() -> None:
    if op.get_bind().dialect.name == "sqlite":
        same = " AND ".join(f"NEW.{name} IS OLD.{name}" for name in _KEPT)
        refuse = "SELECT RAISE(ABORT, 'the audit log is append-only')"
        op.execute(
            "CREATE TRIGGER audit_log_no_update BEFORE UPDATE ON audit_log "
            f"WHEN NOT ({same} AND NEW.detail IS '{_ERASED}') BEGIN {refuse}; END"
        )
        op.execute(f"CREATE TRIGGER audit_log_no_delete BEFORE DELETE ON audit_log BEGIN {refuse}; END")
        return
    same = " AND ".join(f"NEW.{name} IS NOT DISTINCT FROM OLD.{name}" for name in _KEPT)
    op.execute(
        "CREATE OR REPLACE FUNCTION audit_log_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF TG_OP = 'UPDATE' AND {same} AND NEW.detail::text = '{_ERASED}' THEN RETURN NEW; END IF; "
        "RAISE EXCEPTION 'the audit log is append-only'; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE ON audit_log "
        "FOR EACH ROW EXECUTE FUNCTION audit_log_append_only()"
    )
