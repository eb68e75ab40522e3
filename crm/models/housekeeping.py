"""What the product did to its own house: purges and backups, one line a job and local day."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from crm.models.base import Base, WithId


class Housekeeping(WithId, Base):
    """One day's work of `job`. Without `finished_at` it was begun and is to go on; `counts` are what it did so far."""

    __tablename__ = "housekeeping"
    __table_args__ = (UniqueConstraint("job", "local_date"),)
    job: Mapped[str] = mapped_column(String(32))
    local_date: Mapped[date]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    counts: Mapped[dict[str, Any]] = mapped_column(default=dict)
