"""tokens, webhooks, imports"""

revision = "b10000000012"
down_revision = "b10000000011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
