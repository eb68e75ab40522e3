"""trainings that people ask for in the console"""

import sqlalchemy as sa
from alembic import op

import crm.models.base

revision = "b10000000015"
down_revision = "b10000000014"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_AT = crm.models.base.UtcDateTime(timezone=True)


def _one_of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, length=32)


def upgrade() -> None:
    op.create_table(
        "training_jobs",
        sa.Column("id", _ID, nullable=False),
        sa.Column("kind", _one_of("trainingkind", "train", "promote", "roll_back"), nullable=False),
        sa.Column("state", _one_of("trainingstate", "asked", "running", "done", "refused", "lost"), nullable=False),
        sa.Column("model", sa.String(64), nullable=True),
        sa.Column("accept_worse", sa.Boolean(), nullable=False),
        sa.Column("staff_id", _ID, nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("shelf", sa.JSON(), nullable=False),
        sa.Column("asked_at", _AT, nullable=False),
        sa.Column("beat_at", _AT, nullable=True),
        sa.Column("ended_at", _AT, nullable=True),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_training_jobs_staff_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_training_jobs")),
    )
    op.create_index("ix_training_jobs_state", "training_jobs", ["state", "id"])


def downgrade() -> None:
    op.drop_table("training_jobs")
