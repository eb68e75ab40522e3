"""Two complaints about one matter become one case, and a second matter told in one becomes a case of its own."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import case_events, case_news, complaints, service_levels
from crm.case_news import News
from crm.case_states import require_open
from crm.complaints import Report
from crm.errors import InvalidInput
from crm.models.care import Complaint, ComplaintState, EventKind, Severity
from crm.models.conversations import Conversation
from crm.models.staff import Staff


def family(session: Session, complaint: Complaint) -> list[Complaint]:
    """The cases that are answered in this one, oldest first."""
    merged = select(Complaint).where(Complaint.merged_into_id == complaint.id)
    return list(session.scalars(merged.order_by(Complaint.id)))


def candidates(session: Session, complaint: Complaint) -> list[Complaint]:
    """The customer's other open cases: what this one may be merged into."""
    others = select(Complaint).where(Complaint.customer_id == complaint.customer_id, Complaint.id != complaint.id)
    others = others.where(Complaint.state.in_(complaints.OPEN_STATES))
    return list(session.scalars(others.order_by(Complaint.id)))


def merge(session: Session, duplicate: Complaint, kept: Complaint, staff: Staff) -> None:
    """Closes `duplicate`, which is answered in `kept` from now on; so are the cases that were answered in it.

    The graver severity, the nearer due times and whatever was promised hold for `kept`.

    Raises InvalidInput ("merge") for another customer's case or the case itself, IllegalTransition for a settled one.
    """
    if duplicate.id == kept.id or duplicate.customer_id != kept.customer_id:
        raise InvalidInput("merge", "another open case of the same customer")
    for each in sorted((duplicate, kept), key=lambda complaint: complaint.id):  # in one order, so that nobody waits
        complaints.lock(session, each)
        require_open(each)
    children = family(session, duplicate)
    moved = [child.id for child in children]
    lent = service_levels.merged(session, duplicate, kept)
    complaints.move(
        session, duplicate, ComplaintState.CLOSED, staff, kind=EventKind.MERGED, into=kept.id, children=moved, **lent
    )
    for each in (duplicate, *children):
        each.merged_into_id = kept.id
    case_events.record(session, kept, EventKind.MERGED, staff, duplicate.code, merged=duplicate.id)
    before, graver = kept.severity, max(duplicate.severity, kept.severity, key=list(Severity).index)
    if graver is not before:  # the clocks of `kept` stay: what was told first is not suddenly late by what came later
        kept.severity = graver
        case_events.record(session, kept, EventKind.SEVERITY, staff, duplicate.code, was=before.value, now=graver.value)


def separate(session: Session, duplicate: Complaint, staff: Staff) -> None:
    """Undoes a merge: the case is open again on its own, with those that had come with it.

    Raises IllegalTransition when it is in no other, or the other was answered: the customer has the answer to both.
    """
    kept = complaints.answered_in(session, duplicate)
    for each in sorted((duplicate, kept), key=lambda complaint: complaint.id):
        complaints.lock(session, each)
    require_open(kept)
    joined = [event for event in duplicate.events if event.kind is EventKind.MERGED and "into" in event.detail]
    service_levels.separated(session, duplicate, kept, joined[-1].detail)
    complaints.move(session, duplicate, ComplaintState.IN_PROGRESS, staff, kind=EventKind.MERGED, left=kept.id)
    duplicate.merged_into_id = duplicate.closed_at = None
    for child in family(session, kept):
        if child.id in joined[-1].detail["children"]:
            child.merged_into_id = duplicate.id
    case_events.record(session, kept, EventKind.MERGED, staff, duplicate.code, separated=duplicate.id)


def split(session: Session, complaint: Complaint, report: Report, staff: Staff) -> Complaint:
    """Makes a case of its own of a second matter, looked after by the same person; the customer hears its code.

    `report.photos`: those of the first case that belong to the second. Raises InvalidInput for an empty description
    or a photo that is not there, IllegalTransition for a settled case.
    """
    complaints.lock(session, complaint)
    require_open(complaint)
    if not set(report.photos) <= set(complaint.photos):
        raise InvalidInput("photos", "photos of this complaint")
    talk = session.get(Conversation, complaint.conversation_id) if complaint.conversation_id is not None else None
    second = complaints.submit(session, complaint.customer, talk, report)
    second.split_from_id, second.owner_id = complaint.id, complaint.owner_id
    case_events.record(session, second, EventKind.SPLIT, staff, complaint.code, split_from=complaint.id)
    case_events.record(session, complaint, EventKind.SPLIT, staff, second.code, split_into=second.id)
    case_news.send(session, second, News.SPLIT, f"{News.SPLIT.value}:{second.id}")
    return second
