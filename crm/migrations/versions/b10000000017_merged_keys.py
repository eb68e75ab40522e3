"""merged keys"""

revision = "b10000000017"
down_revision = "b10000000016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
