"""The greetings of days that are over: whoever got none, because no scheduler ran in time, is recorded as missed, once.

The house's book has a line for each day that was closed. Days from before the first line are nobody's fault.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crm import clock, greetings, housekeeping
from crm.models.care import Greeting, GreetingState
from crm.models.housekeeping import Housekeeping
from crm.models.people import Customer
from crm.settings import settings

DAYS_BACK = 3  # what is longer ago nobody makes good


def days(session: Session, moment: datetime) -> list[date]:
    """The shop's last days that are over and were not closed, oldest first; today is over when nothing is sent more."""
    today = clock.local(moment, settings().zone).date()
    last = today if moment >= greetings.ends(today) else today - timedelta(days=1)
    closed = _last_closed(session)
    first = last if closed is None else max(closed + timedelta(days=1), last - timedelta(days=DAYS_BACK - 1))
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def due(session: Session, _moment: datetime, day: date, limit: int = greetings.LOOK_AHEAD) -> list[int]:
    """The first `limit` customers who were to be greeted on `day` and were not. Reads through everybody."""
    if _last_closed(session) is None:
        return []
    known = greetings.due_on(day).where(Customer.created_at < greetings.ends(day))
    return [row.Customer.id for row in session.execute(known.limit(limit))]


def record(session: Session, moment: datetime, day: date, among: Sequence[int]) -> int:
    """Records as missed those of `among` (from `due`) who still have no greeting of `day`; how many."""
    rows = session.execute(greetings.due_on(day).where(Customer.id.in_(among))).all()
    for row in rows:
        missed = Greeting(customer_id=row.Customer.id, occasion=row.occasion, local_date=day, at=moment)
        missed.state = GreetingState.MISSED
        session.add(missed)
    session.flush()
    return len(rows)


def close(session: Session, moment: datetime, day: date) -> None:
    """Notes that nobody is left of `day`."""
    housekeeping.begin(session, housekeeping.GREETINGS, clock.at_local(day, 12, settings().zone)).finished_at = moment


def _last_closed(session: Session) -> date | None:
    mine = (Housekeeping.job == housekeeping.GREETINGS, Housekeeping.finished_at.is_not(None))
    return session.scalar(select(func.max(Housekeeping.local_date)).where(*mine))
