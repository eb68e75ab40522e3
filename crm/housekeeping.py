"""The book of what the product did to its own house: one line a job and local day."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crm import clock
from crm.models.housekeeping import Housekeeping
from crm.settings import settings

PURGE, BACKUP, GREETINGS = "purge", "backup", "greetings"


def begin(session: Session, job: str, moment: datetime) -> Housekeeping:
    """The line of `job` on this local day, made if there is none."""
    today = clock.local(moment, settings().zone).date()
    mine = select(Housekeeping).where(Housekeeping.job == job, Housekeeping.local_date == today)
    work = session.scalar(mine.with_for_update())
    if work is None:
        work = Housekeeping(job=job, local_date=today, started_at=moment, counts={})
        session.add(work)
        session.flush()
    return work


def finished(session: Session, job: str, moment: datetime) -> bool:
    """Whether `job` is done for this local day."""
    today = clock.local(moment, settings().zone).date()
    done = select(Housekeeping.finished_at).where(Housekeeping.job == job, Housekeeping.local_date == today)
    return session.scalar(done) is not None


def last(session: Session) -> dict[str, datetime]:
    """When each job was last finished."""
    newest = select(Housekeeping.job, func.max(Housekeeping.finished_at).label("at")).group_by(Housekeeping.job)
    return {job: moment for job, moment in session.execute(newest) if moment is not None}
