"""the inbox: holds, notes, canned answers, scheduled replies, search"""

revision = "b10000000009"
down_revision = "b10000000008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
