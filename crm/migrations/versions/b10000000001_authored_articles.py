"""authored articles, and what was found for a question"""

import sqlalchemy as sa
from alembic import op

import crm.models.base

revision = "b10000000001"
down_revision = "a44eaf98686d"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "authored_articles",
        sa.Column("slug", sa.String(length=150), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("sku", sa.String(length=64), nullable=True),
        sa.Column("topic", sa.String(length=32), nullable=False),
        sa.Column("keywords", sa.JSON(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("published", sa.Boolean(), nullable=False),
        sa.Column("author_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", crm.models.base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["author_id"], ["staff.id"], name=op.f("fk_authored_articles_author_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_authored_articles")),
        sa.UniqueConstraint("slug", "version", name=op.f("uq_authored_articles_slug_version")),
    )
    op.add_column("knowledge_feedback", sa.Column("sources", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("knowledge_feedback", "sources")
    op.drop_table("authored_articles")
