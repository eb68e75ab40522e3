"""merged keys: they stand on the shells of merged records again, and shells are found by whom they became"""

import sqlalchemy as sa
from alembic import op

revision = "b10000000017"
down_revision = "b10000000016"
branch_labels = None
depends_on = None

_FILLED = sa.text("merged_into_id IS NOT NULL")
_CUSTOMERS = sa.table(
    "customers",
    sa.column("id", sa.BigInteger),
    sa.column("external_id", sa.String),
    sa.column("merged_into_id", sa.BigInteger),
    sa.column("gone_at", sa.DateTime),
)
_MERGES = sa.table(
    "customer_merges",
    sa.column("id", sa.BigInteger),
    sa.column("kept_id", sa.BigInteger),
    sa.column("gone_id", sa.BigInteger),
    sa.column("before", sa.JSON),
    sa.column("undone_at", sa.DateTime),
)


def upgrade() -> None:
    op.create_index(
        "ix_customers_merged_into_id",
        "customers",
        ["merged_into_id"],
        sqlite_where=_FILLED,
        postgresql_where=_FILLED,
    )
    _give_back()


def downgrade() -> None:
    op.execute(sa.text("UPDATE customers SET external_id = NULL WHERE merged_into_id IS NOT NULL"))
    op.drop_index("ix_customers_merged_into_id", table_name="customers")


def _give_back() -> None:
    """Where the key became nobody's and the kept record is there; one that a later sync took for a new one stays."""
    here = op.get_bind()
    merges = sa.select(_MERGES.c.gone_id, _MERGES.c.before).where(_MERGES.c.undone_at.is_(None)).order_by(_MERGES.c.id)
    alive = sa.select(_CUSTOMERS.c.id).where(_CUSTOMERS.c.gone_at.is_(None))
    for gone_id, before in here.execute(merges.where(_MERGES.c.kept_id.in_(alive))).fetchall():
        key = (before or {}).get("gone", {}).get("external_id")
        if not key or here.scalar(sa.select(_CUSTOMERS.c.id).where(_CUSTOMERS.c.external_id == key)) is not None:
            continue
        shell = (_CUSTOMERS.c.id == gone_id, _CUSTOMERS.c.merged_into_id.is_not(None))
        here.execute(sa.update(_CUSTOMERS).where(*shell, _CUSTOMERS.c.external_id.is_(None)).values(external_id=key))
