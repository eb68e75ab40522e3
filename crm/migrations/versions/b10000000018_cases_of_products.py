"""cases of products: the cases about one product are found by an index"""

import sqlalchemy as sa
from alembic import op

revision = "b10000000018"
down_revision = "b10000000017"
branch_labels = None
depends_on = None

_FILLED = sa.text("product_id IS NOT NULL")


def upgrade() -> None:
    op.create_index(
        "ix_complaints_product_id",
        "complaints",
        ["product_id"],
        sqlite_where=_FILLED,
        postgresql_where=_FILLED,
    )


def downgrade() -> None:
    op.drop_index("ix_complaints_product_id", table_name="complaints")
