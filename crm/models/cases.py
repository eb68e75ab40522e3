"""Work on complaints: steps and who is to do them, partners, compensation, and what a low rating asks of us."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from crm.models.base import Base, WithId, by_value
from crm.models.care import Complaint, Rating
from crm.models.people import Customer
from crm.models.staff import Staff

_OPEN = text("state = 'open'")
_ALIVE = text("state <> 'done' AND state <> 'withdrawn'")


class PartnerKind(StrEnum):
    SUPPLIER = "supplier"
    DISTRIBUTOR = "distributor"
    CARRIER = "carrier"
    REPAIRER = "repairer"


class Partner(WithId, Base):
    """A business that answers to us for its part of a complaint."""

    __tablename__ = "partners"
    name: Mapped[str] = mapped_column(String(200))
    name_folded: Mapped[str] = mapped_column(String(200), unique=True)
    kind: Mapped[PartnerKind] = mapped_column(by_value(PartnerKind))
    contact: Mapped[str] = mapped_column(String(200), default="")
    phone: Mapped[str] = mapped_column(String(32), default="")
    email: Mapped[str] = mapped_column(String(200), default="")
    note: Mapped[str] = mapped_column(Text, default="")
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]


class StepState(StrEnum):
    OPEN = "open"
    DONE = "done"
    DROPPED = "dropped"


class CaseStep(WithId, Base):
    """Something done, or to be done, about a complaint; by `partner` where one answers for it.

    `due_on`: the local day by which it is due. `answer`: what the partner said, or how it came out.
    """

    __tablename__ = "case_steps"
    __table_args__ = (
        Index("ix_case_steps_partner", "partner_id", "state"),
        Index("ix_case_steps_open", "due_on", "id", sqlite_where=_OPEN, postgresql_where=_OPEN),
    )
    complaint_id: Mapped[int] = mapped_column(ForeignKey("complaints.id"), index=True)
    partner_id: Mapped[int | None] = mapped_column(ForeignKey("partners.id"))
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    what: Mapped[str] = mapped_column(Text)
    due_on: Mapped[date | None]
    state: Mapped[StepState] = mapped_column(by_value(StepState))
    answer: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
    complaint: Mapped[Complaint] = relationship()
    partner: Mapped[Partner | None] = relationship()


class CompensationKind(StrEnum):
    REFUND = "refund"
    DISCOUNT = "discount"
    VOUCHER = "voucher"
    REPLACEMENT = "replacement"
    REPAIR = "repair"
    GIFT = "gift"


class Compensation(WithId, Base):
    """What the customer was given for their trouble. `amount` is what it costs the shop, in đồng."""

    __tablename__ = "compensations"
    complaint_id: Mapped[int] = mapped_column(ForeignKey("complaints.id"), index=True)
    kind: Mapped[CompensationKind] = mapped_column(by_value(CompensationKind))
    amount: Mapped[int] = mapped_column(BigInteger, default=0)
    note: Mapped[str] = mapped_column(Text, default="")
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]


class RecoveryState(StrEnum):
    """WITHDRAWN: the customer corrected the rating before anybody took the task."""

    OPEN = "open"
    TAKEN = "taken"
    DONE = "done"
    WITHDRAWN = "withdrawn"


class RecoveryTask(WithId, Base):
    """A customer gave 1 or 2: a lead wins them back. `outcome` says what was done. One a rating."""

    __tablename__ = "recovery_tasks"
    __table_args__ = (
        Index("ix_recovery_tasks_alive", "opened_at", "id", sqlite_where=_ALIVE, postgresql_where=_ALIVE),
        Index("ix_recovery_tasks_done_at", "done_at", "id"),
    )
    rating_id: Mapped[int] = mapped_column(ForeignKey("ratings.id"), unique=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    complaint_id: Mapped[int | None] = mapped_column(ForeignKey("complaints.id"))
    state: Mapped[RecoveryState] = mapped_column(by_value(RecoveryState), default=RecoveryState.OPEN)
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    opened_at: Mapped[datetime]
    taken_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    outcome: Mapped[str] = mapped_column(Text, default="")
    rating: Mapped[Rating] = relationship()
    customer: Mapped[Customer] = relationship()
    complaint: Mapped[Complaint | None] = relationship()
    staff: Mapped[Staff | None] = relationship()
