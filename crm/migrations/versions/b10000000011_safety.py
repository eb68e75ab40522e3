"""roles, second factor, sessions, first admin"""

revision = "b10000000011"
down_revision = "b10000000010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
