"""Clocks and promises of the demo's complaints, as if they had been handled on the days that the demo gives them."""

from sqlalchemy import delete
from sqlalchemy.orm import Session

from crm import promises, service_clocks, service_levels
from crm.models.care import Complaint
from crm.models.service import Promise, ServiceClock


def backdate(session: Session, complaint: Complaint) -> None:
    """Runs the complaint's clocks anew, along its history."""
    session.flush()
    session.execute(delete(ServiceClock).where(ServiceClock.complaint_id == complaint.id))
    session.execute(delete(Promise).where(Promise.complaint_id == complaint.id))
    service_levels.case_opened(session, complaint, complaint.created_at)
    for event in complaint.events[1:]:
        answered = service_levels.PACE[event.to_state] is service_levels.Pace.ENDS
        kinds = service_levels.EVERY if answered else service_levels.ANSWERS
        service_clocks.stop(session, complaint, kinds, event.at)
        promises.case_resolved(session, complaint, None, event.at)
