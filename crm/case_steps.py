"""What was done about a complaint and what is still to be done, by us or by a partner who answers for it by a day."""

from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased, joinedload

from crm import case_events, case_owners, clock, complaints, staff_notices
from crm.case_states import OPEN_STATES, require_open
from crm.errors import IllegalTransition, InvalidInput, NotFound
from crm.models.care import Complaint, EventKind
from crm.models.cases import CaseStep, Partner, StepState
from crm.models.service import NoticeKind
from crm.models.staff import Staff
from crm.settings import settings

LEGAL: dict[StepState, frozenset[StepState]] = {
    StepState.OPEN: frozenset({StepState.DONE, StepState.DROPPED}),
    StepState.DONE: frozenset({StepState.OPEN}),  # undone: it was marked by mistake
    StepState.DROPPED: frozenset({StepState.OPEN}),
}
BATCH = 100


def today() -> date:
    """The shop's local day."""
    return clock.local(clock.now(), settings().zone).date()


def done(session: Session, complaint: Complaint, staff: Staff, what: str, on: date | None = None) -> CaseStep:
    """Records something that was done, today or on an earlier day. Raises InvalidInput ("step", "done_on")."""
    day = on or today()
    if not clock.local(complaint.created_at, settings().zone).date() <= day <= today():
        raise InvalidInput("done_on", "a day between the complaint and today")
    moment = clock.now() if day == today() else clock.at_local(day, 12, settings().zone)
    return _add(session, complaint, staff, what, EventKind.STEP, state=StepState.DONE, done_at=moment)


def plan(
    session: Session, complaint: Complaint, staff: Staff, what: str, due_on: date, partner: Partner | None = None
) -> CaseStep:
    """Plans a step for the local day `due_on`; `partner` is responsible for it, else we are.

    Raises InvalidInput ("step", "due_on", "partner" that we do not deal with any more).
    """
    if due_on < today():
        raise InvalidInput("due_on", "today or later")
    if partner is not None and not partner.active:
        raise InvalidInput("partner", "a partner we deal with")
    kind = EventKind.PARTNER if partner else EventKind.STEP
    number = partner.id if partner else None
    return _add(session, complaint, staff, what, kind, state=StepState.OPEN, due_on=due_on, partner_id=number)


def _add(
    session: Session,
    complaint: Complaint,
    staff: Staff,
    what: str,
    kind: EventKind,
    *,
    state: StepState,
    due_on: date | None = None,
    done_at: datetime | None = None,
    partner_id: int | None = None,
) -> CaseStep:
    what = what.strip()
    if not what:
        raise InvalidInput("step", "say what was done or is to be done")
    complaints.lock(session, complaint)
    require_open(complaint)
    step = CaseStep(
        complaint_id=complaint.id,
        partner_id=partner_id,
        staff_id=staff.id,
        what=what,
        due_on=due_on,
        state=state,
        created_at=clock.now(),
        done_at=done_at,
    )
    session.add(step)
    session.flush()
    case_events.record(session, complaint, kind, staff, what, step=step.id, partner=partner_id, to=state.value)
    return step


def move(session: Session, step_id: int, to: StepState, staff: Staff, answer: str = "") -> CaseStep:
    """The one function through which a step changes state. `answer`: what the partner said, or how it came out.

    Raises NotFound, IllegalTransition, and InvalidInput ("partner_answer") for a partner's step done without an answer.
    """
    step = session.scalar(select(CaseStep).where(CaseStep.id == step_id).with_for_update())
    if step is None:
        raise NotFound(f"step {step_id}")
    if to not in LEGAL[step.state]:
        raise IllegalTransition(f"step {step_id}: {step.state} -> {to}")
    answer = answer.strip()
    if to is StepState.DONE and step.partner_id is not None and not answer:
        raise InvalidInput("partner_answer", "write what the partner answered")
    step.state, step.done_at = to, clock.now() if to is not StepState.OPEN else None
    step.answer = answer
    kind = EventKind.PARTNER if step.partner_id is not None else EventKind.STEP
    note = answer or step.what
    complaint = complaints.get(session, step.complaint_id)
    case_events.record(session, complaint, kind, staff, note, step=step.id, partner=step.partner_id, to=to.value)
    return step


def of_cases(session: Session, complaint_ids: list[int]) -> list[CaseStep]:
    """The steps of these cases with their partners: those still open first, the nearest due first."""
    mine = select(CaseStep).where(CaseStep.complaint_id.in_(complaint_ids)).options(joinedload(CaseStep.partner))
    steps = session.scalars(mine.order_by(CaseStep.id)).all()
    return sorted(steps, key=lambda step: (step.state is not StepState.OPEN, step.due_on or date.max, step.id))


def warn_overdue(session: Session, _moment: datetime) -> int:
    """Tells whoever looks after a case (the leads, where nobody does) of a partner's overdue answer, once a step.

    The step of a case that was merged is one of the case in which that is answered.
    """
    kept = aliased(Complaint)
    late = (
        select(CaseStep)
        .join(Complaint)
        .outerjoin(kept, kept.id == Complaint.merged_into_id)
        .where(CaseStep.state == StepState.OPEN, CaseStep.due_on < today(), CaseStep.partner_id.is_not(None))
        .where(func.coalesce(kept.state, Complaint.state).in_(OPEN_STATES))
        .options(joinedload(CaseStep.complaint), joinedload(CaseStep.partner))
    )
    return sum(_warn(session, step) for step in session.scalars(late.order_by(CaseStep.due_on, CaseStep.id)))


def _warn(session: Session, step: CaseStep) -> int:
    case = complaints.answered_in(session, step.complaint)
    return staff_notices.tell(
        session,
        case_owners.who_hears(session, [case.owner_id]),
        NoticeKind.PARTNER_LATE,
        key=f"partner_late:{step.id}:{step.due_on}",
        target=f"/complaints/{case.id}",
        partner=step.partner.name if step.partner else "",
        code=case.code,
    )
