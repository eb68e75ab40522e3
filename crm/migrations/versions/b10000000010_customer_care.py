"""personal-data requests, duplicates, edits of customers"""

revision = "b10000000010"
down_revision = "b10000000009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
