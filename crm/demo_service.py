"""What waits in the demo shop: clocks and promises of its complaints, as of their days, and who asked for a person."""

from datetime import timedelta
from typing import Any

from sqlalchemy import delete
from sqlalchemy.orm import Session

from crm import clock, escalations, promises, service_clocks, service_levels
from crm.models.care import Complaint
from crm.models.conversations import Author, Conversation, Direction, EscalationReason, Message
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


def wait_for_staff(session: Session, conversation: Conversation, entry: dict[str, Any]) -> None:
    """Says what the entry gives, and calls a person."""
    for each in entry["said"]:
        author = Author(each["by"])
        direction = Direction.IN if author is Author.CUSTOMER else Direction.OUT
        at = clock.now() - timedelta(minutes=each["minutes_ago"])
        said = Message(
            conversation_id=conversation.id,
            direction=direction,
            author=author,
            text=each["text"],
            attachments=[],
            at=at,
        )
        session.add(said)
        conversation.last_message_at = at
    session.flush()
    escalations.open_for(session, conversation, EscalationReason(entry["reason"]))
