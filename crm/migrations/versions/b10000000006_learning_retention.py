"""how long what people wrote is kept for learning: who typed an example, and the indexes that forgetting looks up by"""

import sqlalchemy as sa
from alembic import op

revision = "b10000000006"
down_revision = "b10000000005"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_INDEXES = (
    ("review_sightings", "conversation_id"),
    ("review_sightings", "at"),
    ("knowledge_feedback", "customer_id"),
    ("knowledge_feedback", "at"),
    ("nlu_examples", "customer_id"),
)


def upgrade() -> None:
    # SQLite cannot change a column: it copies the table.
    with op.batch_alter_table("nlu_examples") as batch:
        batch.alter_column("entry_id", existing_type=_ID, nullable=True)
        batch.add_column(sa.Column("customer_id", _ID, nullable=True))
        batch.create_foreign_key(op.f("fk_nlu_examples_customer_id_customers"), "customers", ["customer_id"], ["id"])
    for table, column in _INDEXES:
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column])
    op.execute(_WHO_TYPED_IT)


# An example is of the customer whose sighting of the same entry reads the same, if one's alone does.
_WHO_TYPED_IT = """
UPDATE nlu_examples SET customer_id = (
    SELECT min(review_sightings.customer_id) FROM review_sightings
    WHERE review_sightings.entry_id = nlu_examples.entry_id AND review_sightings.text = nlu_examples.text
    GROUP BY review_sightings.entry_id
    HAVING count(DISTINCT review_sightings.customer_id) = 1
)
"""


def downgrade() -> None:
    for table, column in reversed(_INDEXES):
        op.drop_index(op.f(f"ix_{table}_{column}"), table_name=table)
    op.execute("DELETE FROM nlu_examples WHERE entry_id IS NULL")
    with op.batch_alter_table("nlu_examples") as batch:
        batch.drop_constraint(op.f("fk_nlu_examples_customer_id_customers"), type_="foreignkey")
        batch.drop_column("customer_id")
        batch.alter_column("entry_id", existing_type=_ID, nullable=False)
