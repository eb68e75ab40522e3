"""The history of a complaint: each change of it is one line, and one of the audit log where a person made it."""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crm import audit, clock
from crm.models.care import Complaint, ComplaintEvent, ComplaintState, EventKind
from crm.models.staff import Staff


def record(
    session: Session,
    complaint: Complaint,
    kind: EventKind,
    staff: Staff | None,
    note: str = "",
    *,
    before: ComplaintState | None = None,
    action: str = "",
    **detail: Any,
) -> ComplaintEvent:
    """Adds one line; `staff` None is the customer or the clock. Flushes, so that the line has its number.

    Args:
        before: the state before, for a change of state; None for everything else, the state staying as it is, and
            for the report itself.
        action: the name in the audit log, where it is not `complaint_<kind>`.
        detail: values of enums and numbers of rows.
    """
    event = ComplaintEvent(
        complaint_id=complaint.id,
        from_state=before if before is not None or kind is EventKind.STATE else complaint.state,
        to_state=complaint.state,
        staff_id=staff.id if staff else None,
        note=note,
        at=clock.now(),
        kind=kind,
        detail=detail,
    )
    complaint.events.append(event)
    session.flush()
    if staff is not None:
        name = action or f"complaint_{kind.value}"
        audit.record(session, staff, name, "complaint", complaint.id, note=note, **detail)
    return event


def latest(session: Session, complaint_id: int) -> int:
    """The number of the newest line; 0 when there is none."""
    return session.scalar(select(func.max(ComplaintEvent.id)).where(ComplaintEvent.complaint_id == complaint_id)) or 0
