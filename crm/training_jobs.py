"""What people ask of the trained models: train, put in use, go back. One at a time, worked off where Rasa is."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, joinedload

from crm import audit, clock
from crm.errors import IllegalTransition, PermissionDenied, TrainingUnderWay
from crm.models.staff import Role, Staff
from crm.models.training import TrainingJob, TrainingKind, TrainingState

SILENCE = timedelta(seconds=60)  # without a sign of life the work is given up
LONGEST_SAID = 20_000
_MAY = (Role.LEAD, Role.ADMIN, Role.OWNER)
_UNDER_WAY = (TrainingState.ASKED, TrainingState.RUNNING)
_LEGAL = {
    TrainingState.ASKED: {TrainingState.RUNNING, TrainingState.REFUSED},
    TrainingState.RUNNING: {TrainingState.DONE, TrainingState.REFUSED, TrainingState.LOST},
}


def change(job: TrainingJob, to: TrainingState) -> None:
    """Every legal change of a job's state. Raises IllegalTransition."""
    if to not in _LEGAL.get(job.state, ()):
        raise IllegalTransition(f"training {job.id}: {job.state.value} -> {to.value}")
    job.state = to
    job.beat_at = clock.now()
    job.ended_at = None if to in _UNDER_WAY else clock.now()


def ask(
    session: Session, staff: Staff, kind: TrainingKind, model: str | None = None, *, accept_worse: bool = False
) -> TrainingJob:
    """Asks for the work; raises TrainingUnderWay while another waits or runs, PermissionDenied."""
    if not (staff.active and staff.role in _MAY):
        raise PermissionDenied(f"{staff.username} ({staff.role}) may not change what the assistant has learnt")
    # The lock makes two people who ask at once one after the other.
    session.scalar(select(Staff.id).order_by(Staff.id).limit(1).with_for_update())
    if current(session) is not None:
        raise TrainingUnderWay("a training is under way")
    job = TrainingJob(
        kind=kind,
        state=TrainingState.ASKED,
        model=model,
        accept_worse=accept_worse,
        staff_id=staff.id,
        asked_at=clock.now(),
    )
    session.add(job)
    session.flush()
    audit.record(session, staff, f"training_{kind.value}", "training", job.id, model=model, accept_worse=accept_worse)
    return job


def current(session: Session) -> TrainingJob | None:
    """The job that waits or runs."""
    return session.scalar(select(TrainingJob).where(TrainingJob.state.in_(_UNDER_WAY)).limit(1))


def latest(session: Session, limit: int = 10) -> list[TrainingJob]:
    """The jobs, newest first."""
    newest = select(TrainingJob).options(joinedload(TrainingJob.staff)).order_by(TrainingJob.id.desc())
    return list(session.scalars(newest.limit(limit)))


def shelf(session: Session) -> dict[str, Any] | None:
    """The models as the newest finished job saw them: {"models": […in use first], "candidate": {…} | None}."""
    seen = select(TrainingJob).where(TrainingJob.ended_at.is_not(None)).order_by(TrainingJob.id.desc()).limit(20)
    return next((job.shelf for job in session.scalars(seen) if job.shelf), None)


def is_asked(session: Session, _now: datetime) -> bool:
    """Whether a job waits for somebody to work it off."""
    return session.scalar(select(TrainingJob.id).where(TrainingJob.state == TrainingState.ASKED).limit(1)) is not None


def claim(session: Session) -> TrainingJob | None:
    """Takes the job that waits; None if there is none, or another was faster."""
    waiting = select(TrainingJob).where(TrainingJob.state == TrainingState.ASKED).order_by(TrainingJob.id).limit(1)
    job = session.scalar(waiting.with_for_update(skip_locked=True))
    if job is not None:
        change(job, TrainingState.RUNNING)
    return job


def say(session: Session, job_id: int, lines: str) -> bool:
    """Adds what the work printed and gives a sign of life; False when the job is not running any more."""
    job = session.scalar(select(TrainingJob).where(TrainingJob.id == job_id).with_for_update())
    if job is None or job.state is not TrainingState.RUNNING:
        return False
    job.said, job.beat_at = (job.said + lines)[-LONGEST_SAID:], clock.now()
    return True


def end(session: Session, job_id: int, *, done: bool, shelf: dict[str, Any]) -> None:
    """The work ended; `shelf` are the models as they are now. Raises IllegalTransition when it was given up before."""
    job = session.get_one(TrainingJob, job_id, with_for_update=True)
    change(job, TrainingState.DONE if done else TrainingState.REFUSED)
    job.shelf = shelf


def any_silent(session: Session, now: datetime) -> bool:
    """Whether a job runs of which nothing has been heard for SILENCE."""
    return session.scalar(_silent(now).limit(1)) is not None


def give_up_silent(session: Session, now: datetime) -> int:
    """Marks what nobody works on any more; returns how many."""
    found = session.scalars(_silent(now).with_for_update()).all()
    for job in found:
        change(job, TrainingState.LOST)
    return len(found)


def _silent(now: datetime) -> Select[TrainingJob]:
    return select(TrainingJob).where(TrainingJob.state == TrainingState.RUNNING, TrainingJob.beat_at < now - SILENCE)
