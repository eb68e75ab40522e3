"""review queue, and the examples that come out of it"""

import sqlalchemy as sa
from alembic import op

import crm.models.base

revision = "b10000000002"
down_revision = "b10000000001"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_AT = crm.models.base.UtcDateTime(timezone=True)
_REASON = sa.Enum(
    "uncertain", "rejected", "not_helpful", "unanswered", name="reviewreason", native_enum=False, length=32
)
_STATE = sa.Enum("open", "assigned", "answered", "dismissed", name="reviewstate", native_enum=False, length=32)


def upgrade() -> None:
    op.create_table(
        "review_entries",
        sa.Column("id", _ID, nullable=False),
        sa.Column("key", sa.String(length=300), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("reason", _REASON, nullable=False),
        sa.Column("state", _STATE, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("first_at", _AT, nullable=False),
        sa.Column("last_at", _AT, nullable=False),
        sa.Column("intent", sa.String(length=64), nullable=True),
        sa.Column("article", sa.String(length=150), nullable=True),
        sa.Column("staff_id", _ID, nullable=True),
        sa.Column("decided_at", _AT, nullable=True),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_review_entries_staff_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_entries")),
        sa.UniqueConstraint("key", name=op.f("uq_review_entries_key")),
    )
    op.create_index("ix_review_entries_queue", "review_entries", ["state", "count"])
    op.create_table(
        "review_sightings",
        sa.Column("id", _ID, nullable=False),
        sa.Column("entry_id", _ID, nullable=True),
        sa.Column("reason", _REASON, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("guess", sa.String(length=64), nullable=True),
        sa.Column("confidence", sa.Double(), nullable=True),
        sa.Column("ranking", sa.JSON(), nullable=False),
        sa.Column("model", sa.String(length=64), nullable=True),
        sa.Column("customer_id", _ID, nullable=True),
        sa.Column("conversation_id", _ID, nullable=True),
        sa.Column("turn_id", sa.String(length=64), nullable=True),
        sa.Column("feedback_id", _ID, nullable=True),
        sa.Column("at", _AT, nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f("fk_review_sightings_conversation_id_conversations")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_review_sightings_customer_id_customers")
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["review_entries.id"], name=op.f("fk_review_sightings_entry_id_review_entries")
        ),
        sa.ForeignKeyConstraint(
            ["feedback_id"], ["knowledge_feedback.id"], name=op.f("fk_review_sightings_feedback_id_knowledge_feedback")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_sightings")),
        sa.UniqueConstraint("feedback_id", name=op.f("uq_review_sightings_feedback_id")),
        sa.UniqueConstraint("turn_id", name=op.f("uq_review_sightings_turn_id")),
    )
    op.create_index(op.f("ix_review_sightings_entry_id"), "review_sightings", ["entry_id"])
    op.create_index(op.f("ix_review_sightings_customer_id"), "review_sightings", ["customer_id"])
    op.create_table(
        "nlu_examples",
        sa.Column("id", _ID, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("intent", sa.String(length=64), nullable=False),
        sa.Column("staff_id", _ID, nullable=False),
        sa.Column("at", _AT, nullable=False),
        sa.Column("entry_id", _ID, nullable=False),
        sa.Column("withdrawn_at", _AT, nullable=True),
        sa.Column("withdrawn_by", _ID, nullable=True),
        sa.Column("trained_in", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["review_entries.id"], name=op.f("fk_nlu_examples_entry_id_review_entries")
        ),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_nlu_examples_staff_id_staff")),
        sa.ForeignKeyConstraint(["withdrawn_by"], ["staff.id"], name=op.f("fk_nlu_examples_withdrawn_by_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_nlu_examples")),
    )
    op.create_index(op.f("ix_nlu_examples_entry_id"), "nlu_examples", ["entry_id"])


def downgrade() -> None:
    op.drop_table("nlu_examples")
    op.drop_table("review_sightings")
    op.drop_table("review_entries")
