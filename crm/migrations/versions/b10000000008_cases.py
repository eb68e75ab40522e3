"""complaints as cases: states, causes, partners, merges"""

revision = "b10000000008"
down_revision = "b10000000007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
