"""business calendar, service levels, promises"""

revision = "b10000000007"
down_revision = "b10000000006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
