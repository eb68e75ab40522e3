"""Winning back a customer who gave 1 or 2: a task for a lead, opened by the rating, done with what was done."""

from collections.abc import Collection, Sequence

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, joinedload

from crm import audit, clock, staff_notices
from crm.errors import AlreadyHeld, IllegalTransition, InvalidInput, NotFound
from crm.models.care import Rating
from crm.models.cases import RecoveryState, RecoveryTask
from crm.models.conversations import Conversation
from crm.models.people import Customer
from crm.models.service import NoticeKind
from crm.models.staff import Role, Staff

LEGAL: dict[RecoveryState, frozenset[RecoveryState]] = {
    RecoveryState.OPEN: frozenset({RecoveryState.TAKEN, RecoveryState.WITHDRAWN}),
    RecoveryState.TAKEN: frozenset({RecoveryState.DONE, RecoveryState.OPEN}),
    RecoveryState.DONE: frozenset({RecoveryState.TAKEN}),
    RecoveryState.WITHDRAWN: frozenset({RecoveryState.OPEN}),
}
ALIVE = (RecoveryState.OPEN, RecoveryState.TAKEN)
MAY_WIN_BACK = frozenset({Role.LEAD, Role.ADMIN, Role.OWNER})
PAGE = 50


def open_for(session: Session, rating: Rating) -> RecoveryTask:
    """The task of a low rating, which the leads hear of; made once, and opened anew if it had been withdrawn."""
    task = session.scalar(select(RecoveryTask).where(RecoveryTask.rating_id == rating.id))
    if task is not None:
        if task.state is RecoveryState.WITHDRAWN:
            _move(session, task, RecoveryState.OPEN, None)
        return task
    task = RecoveryTask(
        rating_id=rating.id,
        customer_id=rating.customer_id,
        complaint_id=rating.complaint_id,
        state=RecoveryState.OPEN,
        opened_at=clock.now(),
    )
    session.add(task)
    session.flush()
    staff_notices.tell(
        session,
        staff_notices.leads(session),
        NoticeKind.RECOVERY,
        key=f"recovery:{task.id}",
        target="/recovery",
        customer_id=rating.customer_id,
        name=session.get_one(Customer, rating.customer_id).name,
        score=str(rating.score),
    )
    return task


def withdraw_for(session: Session, rating: Rating) -> None:
    """The customer corrected their low rating: a task nobody has taken yet is not needed any more."""
    task = session.scalar(select(RecoveryTask).where(RecoveryTask.rating_id == rating.id))
    if task is not None and task.state is RecoveryState.OPEN:
        _move(session, task, RecoveryState.WITHDRAWN, None)


def take(session: Session, task_id: int, staff: Staff) -> RecoveryTask:
    """Takes the task. Compare-and-set: raises AlreadyHeld when a colleague has it, IllegalTransition, NotFound."""
    task = _locked(session, task_id)
    if task.state is RecoveryState.TAKEN:
        if task.staff_id != staff.id:
            raise AlreadyHeld(f"recovery task {task_id} is with staff {task.staff_id}")
        return task
    _move(session, task, RecoveryState.TAKEN, staff)
    return task


def give_back(session: Session, task_id: int, staff: Staff) -> None:
    """Leaves the task to others again."""
    _move(session, _held(session, task_id, staff), RecoveryState.OPEN, staff)


def leave(session: Session, person: Staff, by: Staff) -> int:
    """Leaves every task of somebody who may not win back any more to the others; how many."""
    if person.active and person.role in MAY_WIN_BACK:
        return 0
    theirs = select(RecoveryTask).where(RecoveryTask.staff_id == person.id, RecoveryTask.state == RecoveryState.TAKEN)
    theirs = theirs.order_by(RecoveryTask.id).with_for_update().execution_options(populate_existing=True)
    tasks = list(session.scalars(theirs))
    for task in tasks:
        _move(session, task, RecoveryState.OPEN, None)
        audit.record(session, by, "recovery_open", "recovery_task", task.id, holder=person.id)
    return len(tasks)


def finish(session: Session, task_id: int, staff: Staff, outcome: str) -> None:
    """Ends the task with what was done. Raises InvalidInput ("outcome") without it, AlreadyHeld, IllegalTransition."""
    outcome = outcome.strip()
    if not outcome:
        raise InvalidInput("outcome", "write what was done")
    task = _held(session, task_id, staff)
    _move(session, task, RecoveryState.DONE, staff)
    task.outcome = outcome[:2000]


def _held(session: Session, task_id: int, staff: Staff) -> RecoveryTask:
    task = _locked(session, task_id)
    if task.state is RecoveryState.TAKEN and task.staff_id != staff.id:
        raise AlreadyHeld(f"recovery task {task_id} is with staff {task.staff_id}")
    return task


def _locked(session: Session, task_id: int) -> RecoveryTask:
    session.flush()
    wanted = select(RecoveryTask).where(RecoveryTask.id == task_id).with_for_update()
    task = session.scalar(wanted.execution_options(populate_existing=True))
    if task is None:
        raise NotFound(f"recovery task {task_id}")
    return task


def _move(session: Session, task: RecoveryTask, to: RecoveryState, staff: Staff | None) -> None:
    """The one function through which a task changes state."""
    if to not in LEGAL[task.state]:
        raise IllegalTransition(f"recovery task {task.id}: {task.state} -> {to}")
    task.state, moment = to, clock.now()
    task.done_at = moment if to in (RecoveryState.DONE, RecoveryState.WITHDRAWN) else None
    if to is RecoveryState.TAKEN and staff is not None:
        task.staff_id, task.taken_at = staff.id, moment
    elif to is RecoveryState.OPEN:
        task.staff_id = task.taken_at = None
    session.flush()
    if staff is not None:
        audit.record(session, staff, f"recovery_{to.value}", "recovery_task", task.id)


def alive(session: Session, after: int = 0) -> list[RecoveryTask]:
    """Tasks that are not done, the oldest first, from behind number `after`."""
    waiting = _with_all(select(RecoveryTask).where(RecoveryTask.state.in_(ALIVE), RecoveryTask.id > after))
    return list(session.scalars(waiting.order_by(RecoveryTask.id).limit(PAGE)))


def done(session: Session, before: int | None = None) -> list[RecoveryTask]:
    """Tasks that are done, the newest first, from before number `before`."""
    over = _with_all(select(RecoveryTask).where(RecoveryTask.state == RecoveryState.DONE))
    if before is not None:
        over = over.where(RecoveryTask.id < before)
    return list(session.scalars(over.order_by(RecoveryTask.id.desc()).limit(PAGE)))


def talks(session: Session, customer_ids: Collection[int]) -> dict[int, int]:
    """The newest conversation of each of these customers, by the customer's number."""
    newest = select(Conversation.customer_id, func.max(Conversation.id))
    newest = newest.where(Conversation.customer_id.in_(customer_ids)).group_by(Conversation.customer_id)
    return dict(session.execute(newest).all())


def waiting(session: Session, states: Sequence[RecoveryState] = ALIVE) -> int:
    """How many tasks are not done."""
    return session.scalar(select(func.count()).where(RecoveryTask.state.in_(states))) or 0


def _with_all(wanted: Select[RecoveryTask]) -> Select[RecoveryTask]:
    return wanted.options(
        joinedload(RecoveryTask.rating),
        joinedload(RecoveryTask.customer),
        joinedload(RecoveryTask.complaint),
        joinedload(RecoveryTask.staff),
    )
