"""Promises as staff look through them: open ones by due time, the others newest first, and how many were kept."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Row, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from crm import clock
from crm.models.care import Complaint
from crm.models.people import Customer, Tier
from crm.models.service import Promise, PromiseState
from crm.models.staff import Staff

PAGE = 50
LOOKED_BACK = timedelta(days=30)
_Columns = tuple[Promise, str, Tier, str | None, str | None]
Place = tuple[datetime, int]  # of a line in its list: its time and its number


@dataclass(frozen=True)
class Line:
    """One promise. `made_by` is empty for the assistant's, `by_hand` whether a person settled it (and may undo it)."""

    id: int
    words: str
    state: PromiseState
    due_at: datetime
    first_due_at: datetime
    settled_at: datetime | None
    by_hand: bool
    made_by: str
    customer_id: int
    customer: str
    tier: Tier
    conversation_id: int | None
    complaint_id: int | None
    code: str

    @property
    def postponed(self) -> bool:
        """Whether the customer was told a later time."""
        return self.due_at > self.first_due_at


@dataclass(frozen=True)
class Counts:
    """`open`, `near` (due within the hour), `over` (past their time) are now; the others are of the last thirty days.

    `on_time` were kept by the time that was promised first.
    """

    open: int
    near: int
    over: int
    kept: int
    on_time: int
    broken: int
    withdrawn: int

    @property
    def share_kept(self) -> float | None:
        """Kept of those that were decided; None when none was."""
        decided = self.kept + self.broken
        return self.kept / decided if decided else None


def page(session: Session, state: PromiseState, after: Place | None = None, limit: int = PAGE) -> list[Line]:
    """Up to `limit` promises in this state behind the line `after`."""
    wanted = _lines().where(Promise.state == state).limit(limit)
    if state is PromiseState.OPEN:
        if after is not None:
            behind = and_(Promise.due_at == after[0], Promise.id > after[1])
            wanted = wanted.where(or_(Promise.due_at > after[0], behind))
        wanted = wanted.order_by(Promise.due_at, Promise.id)
    else:
        if after is not None:
            behind = and_(Promise.settled_at == after[0], Promise.id < after[1])
            wanted = wanted.where(or_(Promise.settled_at < after[0], behind))
        wanted = wanted.order_by(Promise.settled_at.desc(), Promise.id.desc())
    return [_line(row) for row in session.execute(wanted)]


def line(session: Session, promise_id: int) -> Line | None:
    """One promise as it is now; None when it is gone."""
    found = session.execute(_lines().where(Promise.id == promise_id)).one_or_none()
    return _line(found) if found is not None else None


def place(line: Line) -> Place:
    """Where the line stands in its list, to go on behind it."""
    return (line.settled_at or line.due_at, line.id)


def counts(session: Session) -> Counts:
    """How many there are now and were in the last thirty days."""
    now = clock.now()
    still = Promise.state == PromiseState.OPEN
    waiting = select(func.count()).where(still).scalar_subquery()
    near = select(func.count()).where(still, Promise.due_at.between(now, now + timedelta(hours=1))).scalar_subquery()
    over = select(func.count()).where(still, Promise.due_at < now).scalar_subquery()
    by_state = select(Promise.state, func.count(), func.count().filter(Promise.settled_at <= Promise.first_due_at))
    recent = by_state.where(Promise.state != PromiseState.OPEN, Promise.settled_at > now - LOOKED_BACK)
    found = {state: (count, early) for state, count, early in session.execute(recent.group_by(Promise.state))}
    still_open, due_soon, overdue = session.execute(select(waiting, near, over)).one()
    kept, on_time = found.get(PromiseState.KEPT, (0, 0))
    broken, withdrawn = (found.get(state, (0, 0))[0] for state in (PromiseState.BROKEN, PromiseState.WITHDRAWN))
    return Counts(still_open, due_soon, overdue, kept, on_time, broken, withdrawn)


def _lines() -> Select[*_Columns]:
    return (
        select(Promise, Customer.name, Customer.tier, Complaint.code, Staff.name)
        .join(Customer, Customer.id == Promise.customer_id)
        .outerjoin(Complaint, Complaint.id == Promise.complaint_id)
        .outerjoin(Staff, Staff.id == Promise.made_by_id)
    )


def _line(row: Row[*_Columns]) -> Line:
    promise, customer, tier, code, made_by = row
    return Line(
        id=promise.id,
        words=promise.words,
        state=promise.state,
        due_at=promise.due_at,
        first_due_at=promise.first_due_at,
        settled_at=promise.settled_at,
        by_hand=promise.settled_by_id is not None,
        made_by=made_by or "",
        customer_id=promise.customer_id,
        customer=customer,
        tier=tier,
        conversation_id=promise.conversation_id,
        complaint_id=promise.complaint_id,
        code=code or "",
    )
