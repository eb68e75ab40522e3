"""The one module in which a clock changes: started, stopped, paused, resumed, counted anew, told of.

Each change also writes the nearest due time onto the case or call itself (`due_at`), by which lists are sorted.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from crm.business_calendar import calendar
from crm.models.care import Complaint
from crm.models.conversations import Escalation
from crm.models.service import ClockKind, ClockSubject, ServiceClock
from crm.service_targets import Times, levels

Subject = Complaint | Escalation
_COLUMN = {ClockSubject.COMPLAINT: ServiceClock.complaint_id, ClockSubject.CALL: ServiceClock.escalation_id}
_SAID = ("allowance_s", "started_at", "warn_at", "due_at", "met", "warned_at", "lead_told_at", "manager_told_at")
RUNS = (ServiceClock.stopped_at.is_(None), ServiceClock.paused_at.is_(None))


@dataclass(frozen=True)
class ClockView:
    """A clock as a page shows it. `left` is working time, negative once late; `share_left` is its part of the whole.

    `met` is None while it runs in time, and for good where the clock ended without a verdict.
    """

    kind: ClockKind
    started_at: datetime
    due_at: datetime
    paused: bool
    stopped_at: datetime | None
    left: timedelta
    late: bool
    met: bool | None
    share_left: float


def subject_of(subject: Subject) -> ClockSubject:
    """Which kind of thing the row is."""
    return ClockSubject.COMPLAINT if isinstance(subject, Complaint) else ClockSubject.CALL


def start(session: Session, subject: Subject, kind: ClockKind, allowance: timedelta, at: datetime) -> None:
    """Starts a clock unless one of this kind runs already, also when somebody else starts it at this moment."""
    due = calendar().due(at, allowance)
    warn = calendar().due(at, allowance * (1 - levels().warn_left))
    row = {
        _COLUMN[subject_of(subject)].key: subject.id,
        "kind": kind,
        "allowance_s": int(allowance.total_seconds()),
        "started_at": at,
        "warn_at": warn,
        "due_at": due,
        "notice_at": warn,
    }
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    session.execute(insert(ServiceClock).values(row).on_conflict_do_nothing())
    _write_nearest(session, subject)


def stop(session: Session, subject: Subject, kinds: Collection[ClockKind], at: datetime) -> bool:
    """Stops the clocks of these kinds with their verdict; whether one was running."""
    stopped = [clock for clock in alive(session, subject) if clock.kind in kinds]
    for clock in stopped:
        clock.met = clock.met is not False and (clock.paused_at is not None or at <= clock.due_at)
        _end(clock, at)
    if stopped:
        _write_nearest(session, subject)
    return bool(stopped)


def void(session: Session, subject: Subject, at: datetime) -> None:
    """Ends what runs without a verdict: there is nobody left to answer. What was late stays late."""
    for clock in alive(session, subject):
        if clock.paused_at is None and at > clock.due_at:
            clock.met = False
        _end(clock, at)
    _write_nearest(session, subject)


def pause(session: Session, subject: Subject, at: datetime) -> None:
    """Holds every clock that runs and keeps what is left of its working time."""
    for clock in alive(session, subject):
        if clock.paused_at is None:
            clock.left_s = int(_left(clock, at).total_seconds())
            clock.met = False if at > clock.due_at else clock.met
            clock.paused_at, clock.notice_at = at, None
    _write_nearest(session, subject)


def resume(session: Session, subject: Subject, at: datetime) -> None:
    """Lets every held clock run on with what was left; what was late already stays due when it was."""
    for clock in alive(session, subject):
        if clock.paused_at is not None:
            left = timedelta(seconds=clock.left_s or 0)
            clock.paused_at = clock.left_s = None
            if left >= timedelta(0) and clock.met is not False:
                _aim(clock, left, at)
            clock.notice_at = _next_notice(clock)
    _write_nearest(session, subject)


def recount(session: Session, subject: Subject, times: Times, at: datetime) -> None:
    """Gives what runs a new length; the time that was used stays used. A clock without any left is due at once."""
    for clock in alive(session, subject):
        before, clock.allowance_s = clock.allowance_s, int(times[clock.kind].total_seconds())
        left = _left(clock, at) + timedelta(seconds=clock.allowance_s - before)
        if clock.paused_at is not None:
            clock.left_s = int(left.total_seconds())
        elif clock.met is not False:
            _aim(clock, max(left, timedelta(0)), at)
            clock.notice_at = _next_notice(clock)
    _write_nearest(session, subject)


def hand_over(session: Session, was: Subject, now: Subject, at: datetime, *, rests: bool) -> dict[str, list[int]]:
    """Ends what runs about `was`; about `now` it runs on where there it ran out later, or not at all.

    Args:
        rests: whether the clocks of `now` stand still.

    Returns:
        Numbers of clocks: "running" and "resting" are those that ended, "lent" those that `now` had not had.
    """
    numbers: dict[str, list[int]] = {"running": [], "resting": [], "lent": []}
    own = {clock.kind: clock for clock in alive(session, now)}
    for clock in alive(session, was):
        numbers["running" if clock.paused_at is None else "resting"].append(clock.id)
        mine, left = own.get(clock.kind), _left(clock, at)
        if mine is None or left < _left(mine, at):
            taken = mine or ServiceClock(**{_COLUMN[subject_of(now)].key: now.id, "kind": clock.kind})
            _copy(clock, taken, left, at, rests=rests)
            session.add(taken)
            session.flush()
            numbers["lent"] += [taken.id] if mine is None else []
    void(session, was, at)
    _write_nearest(session, now)
    return numbers


def give_back(
    session: Session, was: Subject, now: Subject, numbers: Mapping[str, Collection[int]], at: datetime
) -> None:
    """Undoes `hand_over` with the numbers it returned: the clocks of `was` run on to the times they had.

    What stopped about `now` meanwhile stays stopped; what had been lent to it ends there.
    """
    running = {clock.kind for clock in alive(session, now)}
    ended = (ServiceClock.id.in_([*numbers.get("running", ()), *numbers.get("resting", ())]), _mine(was))
    for clock in session.scalars(select(ServiceClock).where(*ended).with_for_update()):
        if clock.kind not in running or is_running(session, was, clock.kind):
            continue
        left, clock.stopped_at, clock.left_s = timedelta(seconds=clock.left_s or 0), None, None
        if clock.id in numbers.get("resting", ()) and clock.met is not False:
            _aim(clock, left, at)
        clock.notice_at = _next_notice(clock)
    for clock in alive(session, now):
        if clock.id in numbers.get("lent", ()):
            _end(clock, at)
    _write_nearest(session, was)
    _write_nearest(session, now)


def warned(clock: ServiceClock, at: datetime) -> None:
    """The holder was told that time is running out."""
    clock.warned_at = at
    clock.notice_at = _next_notice(clock)


def breached(clock: ServiceClock, at: datetime) -> None:
    """The leads were told that the time is over; a warning would come too late now."""
    clock.met, clock.lead_told_at, clock.warned_at = False, at, clock.warned_at or at
    clock.notice_at = _next_notice(clock)


def brought_to_managers(clock: ServiceClock, at: datetime) -> None:
    """The managers were told. Nobody is told again."""
    clock.manager_told_at, clock.notice_at = at, None


def abandon(clock: ServiceClock, at: datetime) -> None:
    """Ends a clock that nobody ended: what it was about is over or gone."""
    _end(clock, at)


def alive(session: Session, subject: Subject) -> Sequence[ServiceClock]:
    """The clocks of the subject that have not ended, paused ones too, locked."""
    session.flush()
    own = select(ServiceClock).where(_mine(subject), ServiceClock.stopped_at.is_(None)).order_by(ServiceClock.id)
    return session.scalars(own.with_for_update().execution_options(populate_existing=True)).all()


def is_running(session: Session, subject: Subject, kind: ClockKind) -> bool:
    """Whether a clock of this kind has not ended."""
    own = select(ServiceClock.id).where(_mine(subject), ServiceClock.kind == kind, ServiceClock.stopped_at.is_(None))
    return session.scalar(own) is not None


def view(clock: ServiceClock, at: datetime) -> ClockView:
    """The clock as it stands at `at`, or as it stood when it ended."""
    left = _left(clock, clock.stopped_at or at)
    return ClockView(
        kind=clock.kind,
        started_at=clock.started_at,
        due_at=clock.due_at,
        paused=clock.paused_at is not None,
        stopped_at=clock.stopped_at,
        left=left,
        late=clock.met is False or left < timedelta(0),
        met=clock.met,
        share_left=max(0.0, left.total_seconds() / clock.allowance_s),
    )


def _mine(subject: Subject) -> ColumnElement[bool]:
    return _COLUMN[subject_of(subject)] == subject.id


def _left(clock: ServiceClock, at: datetime) -> timedelta:
    if clock.left_s is not None:
        return timedelta(seconds=clock.left_s)
    return calendar().worked(at, clock.due_at)


def _aim(clock: ServiceClock, left: timedelta, at: datetime) -> None:
    clock.due_at = calendar().due(at, left)
    warn = timedelta(seconds=clock.allowance_s) * levels().warn_left
    clock.warn_at = calendar().due(at, max(left - warn, timedelta(0)))


def _next_notice(clock: ServiceClock) -> datetime | None:
    if clock.lead_told_at is None:
        return clock.warn_at if clock.warned_at is None else clock.due_at
    if clock.manager_told_at is None:
        return calendar().due(clock.due_at, levels().manager_after)
    return None


def _copy(one: ServiceClock, to: ServiceClock, left: timedelta, at: datetime, *, rests: bool) -> None:
    """Lets `to` say what `one` says, standing still or not."""
    for name in _SAID:
        setattr(to, name, getattr(one, name))
    to.left_s = to.paused_at = to.notice_at = None
    if one.paused_at is not None and to.met is not False:
        _aim(to, left, at)
    if rests:
        to.left_s, to.paused_at = int(left.total_seconds()), at
        to.met = False if left < timedelta(0) else to.met
    else:
        to.notice_at = _next_notice(to)


def _end(clock: ServiceClock, at: datetime) -> None:
    if clock.paused_at is None:
        clock.left_s = int(_left(clock, at).total_seconds())
    clock.stopped_at, clock.paused_at, clock.notice_at = at, None, None


def _write_nearest(session: Session, subject: Subject) -> None:
    session.flush()
    subject.due_at = session.scalar(select(func.min(ServiceClock.due_at)).where(_mine(subject), *RUNS))
