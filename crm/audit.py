"""The audit log: every change of state made by a person."""

from typing import Any

from sqlalchemy.orm import Session

from crm import clock
from crm.models.people import AuditEntry
from crm.models.staff import Staff


def record(session: Session, staff: Staff | None, action: str, subject: str, subject_id: int, **detail: Any) -> None:
    """Adds one line: who (None: the command line), did what, to which row, with JSON-able details."""
    session.add(
        AuditEntry(
            at=clock.now(),
            staff_id=staff.id if staff else None,
            action=action,
            subject=subject,
            subject_id=subject_id,
            detail=detail,
        )
    )
