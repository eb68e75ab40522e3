"""live calls"""

revision = "b10000000016"
down_revision = "b10000000015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
