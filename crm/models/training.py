"""Trainings of the understanding that people ask for in the console."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from crm.models.base import Base, WithId, by_value
from crm.models.staff import Staff


class TrainingKind(StrEnum):
    """TRAIN makes a candidate and judges it; PROMOTE puts it in use; ROLL_BACK puts an earlier model in use."""

    TRAIN = "train"
    PROMOTE = "promote"
    ROLL_BACK = "roll_back"


class TrainingState(StrEnum):
    """LOST: whoever worked it off gave no sign of life any more."""

    ASKED = "asked"
    RUNNING = "running"
    DONE = "done"
    REFUSED = "refused"
    LOST = "lost"


class TrainingJob(WithId, Base):
    """`model`: the one to go back to, None for the one before. `said`: what the work printed, line by line."""

    __tablename__ = "training_jobs"
    __table_args__ = (Index("ix_training_jobs_state", "state", "id"),)
    kind: Mapped[TrainingKind] = mapped_column(by_value(TrainingKind))
    state: Mapped[TrainingState] = mapped_column(by_value(TrainingState), default=TrainingState.ASKED)
    model: Mapped[str | None] = mapped_column(String(64))
    accept_worse: Mapped[bool] = mapped_column(default=False)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    said: Mapped[str] = mapped_column(Text, default="")
    shelf: Mapped[dict[str, Any]] = mapped_column(default=dict)
    asked_at: Mapped[datetime]
    beat_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    staff: Mapped[Staff] = relationship()
