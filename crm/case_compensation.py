"""What a customer was given for their trouble, and what it cost the shop."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import case_events, clock, complaints
from crm.errors import IllegalTransition, InvalidInput, NotFound
from crm.models.care import Complaint, EventKind
from crm.models.cases import Compensation, CompensationKind
from crm.models.staff import Staff

MOST_VND = 1_000_000_000


def give(
    session: Session, complaint: Complaint, staff: Staff, kind: CompensationKind, amount: int, note: str = ""
) -> Compensation:
    """Records one; `amount` is in đồng, 0 for what costs nothing. Raises InvalidInput ("amount")."""
    if not 0 <= amount <= MOST_VND:
        raise InvalidInput("amount", f"between 0 and {MOST_VND} đồng")
    complaints.lock(session, complaint)
    if complaint.merged_into_id is not None:
        raise IllegalTransition(f"{complaint.code} is answered in another case")
    given = Compensation(
        complaint_id=complaint.id, kind=kind, amount=amount, note=note.strip(), staff_id=staff.id, at=clock.now()
    )
    session.add(given)
    session.flush()
    _record(session, complaint, given, staff)
    return given


def withdraw(session: Session, compensation_id: int, staff: Staff) -> None:
    """Takes one back that was recorded by mistake or not given after all. Raises NotFound, IllegalTransition."""
    given = session.scalar(select(Compensation).where(Compensation.id == compensation_id).with_for_update())
    if given is None:
        raise NotFound(f"compensation {compensation_id}")
    if given.withdrawn_at is not None:
        raise IllegalTransition(f"compensation {compensation_id} is withdrawn")
    given.withdrawn_at = clock.now()
    _record(session, complaints.get(session, given.complaint_id), given, staff, withdrawn=True)


def _record(session: Session, complaint: Complaint, given: Compensation, staff: Staff, withdrawn: bool = False) -> None:
    case_events.record(
        session,
        complaint,
        EventKind.COMPENSATION,
        staff,
        given.note,
        compensation=given.id,
        kind_of=given.kind.value,
        amount=given.amount,
        withdrawn=withdrawn,
    )


def of_cases(session: Session, complaint_ids: list[int]) -> list[Compensation]:
    """What was given and not taken back, oldest first."""
    mine = select(Compensation).where(Compensation.complaint_id.in_(complaint_ids))
    return list(session.scalars(mine.where(Compensation.withdrawn_at.is_(None)).order_by(Compensation.id)))
