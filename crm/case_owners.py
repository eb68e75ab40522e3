"""Who may look after a complaint, and who hears of it where the one who does cannot: not there, or a system."""

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import case_events, staff_notices
from crm.case_states import OPEN_STATES
from crm.models.care import Complaint, EventKind
from crm.models.staff import Role, Staff

MAY_OWN = (Role.AGENT, Role.LEAD, Role.ADMIN, Role.OWNER)


def may_own(staff: Staff) -> bool:
    """Whether cases may be given to this person. The row of an API token is nobody: it is never active."""
    return staff.active and staff.role in MAY_OWN


def who_hears(session: Session, people: Iterable[int | None]) -> list[int]:
    """Those of `people` who still look after customers, each once; the leads where none of them does."""
    wanted = {number for number in people if number is not None}
    there = select(Staff.id).where(Staff.id.in_(wanted), Staff.active.is_(True), Staff.role.in_(MAY_OWN))
    return list(session.scalars(there.order_by(Staff.id))) or staff_notices.leads(session)


def leave(session: Session, person: Staff, by: Staff) -> int:
    """Takes the open cases from somebody who is shut out, so that they stand among nobody's; how many."""
    mine = select(Complaint).where(Complaint.owner_id == person.id, Complaint.state.in_(OPEN_STATES))
    mine = mine.order_by(Complaint.id).with_for_update(of=Complaint).execution_options(populate_existing=True)
    cases = session.scalars(mine).all()
    for complaint in cases:
        complaint.owner_id = None
        case_events.record(session, complaint, EventKind.ASSIGNED, by, before_owner=person.id, owner=None)
    return len(cases)
