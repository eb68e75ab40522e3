"""indexes the console needs at size"""

revision = "b10000000014"
down_revision = "b10000000013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
