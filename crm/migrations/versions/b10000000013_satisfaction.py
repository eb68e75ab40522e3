"""satisfaction after a case, recovery tasks, review of understanding"""

revision = "b10000000013"
down_revision = "b10000000012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
