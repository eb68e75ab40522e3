"""at most one call that is not closed a conversation; open cases leave those who cannot log in"""

import sqlalchemy as sa
from alembic import op

revision = "b10000000016"
down_revision = "b10000000015"
branch_labels = None
depends_on = None

_ALIVE = sa.text("state <> 'closed'")
_OLDER = (
    "state <> 'closed' AND EXISTS (SELECT 1 FROM escalations AS newer WHERE newer.id > escalations.id"
    " AND newer.conversation_id = escalations.conversation_id AND newer.state <> 'closed')"
)
_OF_OLDER = f"stopped_at IS NULL AND escalation_id IN (SELECT id FROM escalations WHERE {_OLDER})"


def upgrade() -> None:
    _close_all_but_the_newest()
    op.create_index(
        "uq_escalations_alive",
        "escalations",
        ["conversation_id"],
        unique=True,
        sqlite_where=_ALIVE,
        postgresql_where=_ALIVE,
    )
    # Disabled people, and the rows of API tokens, which were made owners where a token moved a case.
    inactive = "SELECT id FROM staff WHERE NOT active"
    op.execute(
        f"UPDATE complaints SET owner_id = NULL WHERE state NOT IN ('resolved', 'closed') AND owner_id IN ({inactive})"
    )


def downgrade() -> None:
    op.drop_index("uq_escalations_alive", table_name="escalations")


def _close_all_but_the_newest() -> None:
    # Everything but the newest was out of sight already; its clocks end without a verdict, as at any hand-back.
    op.execute(
        "UPDATE service_clocks SET stopped_at = CURRENT_TIMESTAMP, paused_at = NULL, notice_at = NULL"
        f" WHERE {_OF_OLDER}"
    )
    op.execute(
        "UPDATE escalations SET state = 'closed', closed_at = CURRENT_TIMESTAMP, waiting_since = NULL,"
        f" due_back_at = NULL, due_at = NULL WHERE {_OLDER}"
    )
