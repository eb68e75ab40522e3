"""personal-data requests, duplicates, edits of customers"""

from typing import Any

import sqlalchemy as sa
from alembic import op

import crm.models.base

revision = "b10000000010"
down_revision = "b10000000009"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_AT = crm.models.base.UtcDateTime(timezone=True)
_NEW = ("erasures", "data_exports", "privacy_requests", "customer_merges", "duplicate_pairs", "customer_edits")
_UNFINISHED = sa.text("finished_at IS NULL")


def upgrade() -> None:
    op.add_column("customers", sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("customers", sa.Column("gone_at", _AT, nullable=True))
    op.add_column("customers", sa.Column("merged_into_id", sa.BigInteger(), nullable=True))
    op.create_index("ix_customers_email", "customers", ["email"])
    op.create_index("ix_customers_listing", "customers", ["name_folded", "id"])
    op.drop_index("ix_customers_name_folded", table_name="customers")
    _table(
        "customer_edits", *_people(), sa.Column("changes", sa.JSON(), nullable=False), _at("at"), _at("undone_at", 1)
    )
    op.create_index("ix_customer_edits_newest", "customer_edits", ["customer_id", "id"])
    _create_pairs()
    _create_merges()
    _create_requests()
    _create_exports()
    _create_erasures()


def downgrade() -> None:
    for name in _NEW:
        op.drop_table(name)
    op.create_index("ix_customers_name_folded", "customers", ["name_folded"])
    op.drop_index("ix_customers_listing", table_name="customers")
    op.drop_index("ix_customers_email", table_name="customers")
    for column in ("merged_into_id", "gone_at", "version"):
        op.drop_column("customers", column)


def _create_pairs() -> None:
    reasons = ("phone", "email", "chat", "external_id", "name_and_phone", "name_and_birthday")
    _table(
        "duplicate_pairs",
        _to("first_id", "customers"),
        _to("second_id", "customers"),
        _enum("reason", "likenessreason", *reasons),
        _enum("state", "pairstate", "open", "dismissed", "merged"),
        _at("found_at"),
        _to("decided_by", "staff", nullable=True),
        _at("decided_at", 1),
        sa.UniqueConstraint("first_id", "second_id", name=op.f("uq_duplicate_pairs_first_id_second_id")),
    )
    op.create_index("ix_duplicate_pairs_queue", "duplicate_pairs", ["state", "id"])
    op.create_index("ix_duplicate_pairs_second_id", "duplicate_pairs", ["second_id"])


def _create_merges() -> None:
    stored = [sa.Column(name, sa.JSON(), nullable=False) for name in ("before", "moved", "dropped")]
    parties = [_to("kept_id", "customers"), _to("gone_id", "customers"), _to("staff_id", "staff")]
    _table("customer_merges", *parties, _at("at"), *stored, _at("undone_at", 1))
    for column in ("kept_id", "gone_id", "at"):
        op.create_index(op.f(f"ix_customer_merges_{column}"), "customer_merges", [column])


def _create_requests() -> None:
    _table(
        "privacy_requests",
        _to("customer_id", "customers"),
        _to("account_id", "channel_accounts", nullable=True),
        _enum("kind", "requestkind", "see", "correct", "export", "erase", "withdraw"),
        _enum("state", "requeststate", "received", "in_progress", "done", "refused"),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        _at("received_at"),
        _at("due_at"),
        _to("staff_id", "staff", nullable=True),
        _at("closed_at", 1),
        _at("reminded_at", 1),
    )
    op.create_index(op.f("ix_privacy_requests_customer_id"), "privacy_requests", ["customer_id"])
    op.create_index("ix_privacy_requests_due", "privacy_requests", ["state", "due_at"])


def _create_exports() -> None:
    _table(
        "data_exports",
        _to("customer_id", "customers"),
        _to("request_id", "privacy_requests", nullable=True),
        _to("staff_id", "staff", nullable=True),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        _at("made_at"),
        _at("expires_at"),
        sa.UniqueConstraint("name", name=op.f("uq_data_exports_name")),
    )
    for column in ("customer_id", "expires_at"):
        op.create_index(op.f(f"ix_data_exports_{column}"), "data_exports", [column])


def _create_erasures() -> None:
    _table(
        "erasures",
        sa.Column("customer_number", sa.BigInteger(), nullable=False),
        _at("known_since"),
        *[sa.Column(name, sa.JSON(), nullable=False) for name in ("keys", "accounts", "files", "counts")],
        _at("at"),
        _to("staff_id", "staff", nullable=True),
        _at("finished_at", 1),
    )
    op.create_index(
        "ix_erasures_unfinished", "erasures", ["at"], sqlite_where=_UNFINISHED, postgresql_where=_UNFINISHED
    )
    op.create_index("ix_erasures_customer_number", "erasures", ["customer_number"])


def _people() -> list[Any]:
    return [_to("customer_id", "customers"), _to("staff_id", "staff", nullable=True)]


def _at(name: str, nullable: int = 0) -> sa.Column[Any]:
    return sa.Column(name, _AT, nullable=bool(nullable))


def _to(name: str, table: str, nullable: bool = False) -> sa.Column[Any]:
    """A column that refers to `table`; `_table` adds the constraint under its proper name."""
    return sa.Column(name, _ID, nullable=nullable, info={"table": table})


def _enum(name: str, kind: str, *values: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Enum(*values, name=kind, native_enum=False, length=32), nullable=False)


def _table(name: str, *parts: Any) -> None:
    references = [(part.name, part.info["table"]) for part in parts if isinstance(part, sa.Column) and part.info]
    named = [
        sa.ForeignKeyConstraint([column], [f"{table}.id"], name=op.f(f"fk_{name}_{column}_{table}"))
        for column, table in references
    ]
    key = sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}"))
    op.create_table(name, sa.Column("id", _ID, nullable=False), *parts, *named, key)
