"""A few numbers that say how care stands right now."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crm import clock
from crm.complaints import OPEN_STATES
from crm.models.care import Complaint, Greeting, GreetingState, Rating
from crm.models.conversations import Escalation, EscalationState
from crm.settings import settings

RATING_DAYS = 7


@dataclass(frozen=True)
class Figures:
    """`scores` counts ratings of the last 7 days by score 1 to 5; `oldest` is when the longest waiting began."""

    waiting: int
    oldest: datetime | None
    open_complaints: int
    overdue: int
    scores: dict[int, int]
    greetings_today: int

    @property
    def rated(self) -> int:
        return sum(self.scores.values())

    @property
    def average(self) -> float | None:
        """Mean score, 1 to 5; None when nobody rated."""
        return sum(score * count for score, count in self.scores.items()) / self.rated if self.rated else None


def now(session: Session) -> Figures:
    """The figures at this moment, the day counted on the shop's calendar."""
    moment = clock.now()
    waiting, oldest = session.execute(
        select(func.count(), func.min(Escalation.opened_at)).where(Escalation.state == EscalationState.OPEN)
    ).one()
    still_open = select(func.count()).select_from(Complaint).where(Complaint.state.in_(OPEN_STATES))
    scores = (
        select(Rating.score, func.count())
        .where(Rating.at >= moment - timedelta(days=RATING_DAYS))
        .group_by(Rating.score)
    )
    today = clock.local(moment, settings().zone).date()
    greeted = select(func.count()).where(Greeting.local_date == today, Greeting.state == GreetingState.QUEUED)
    return Figures(
        waiting=waiting,
        oldest=oldest,
        open_complaints=session.scalar(still_open) or 0,
        overdue=session.scalar(still_open.where(Complaint.due_at < moment)) or 0,
        scores=dict(session.execute(scores).all()),
        greetings_today=session.scalar(greeted) or 0,
    )
