"""By when an answer is promised, counted in the hours in which somebody is there to give it."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from crm import clock
from crm.models.care import Severity

OPENS_HOUR, CLOSES_HOUR = 8, 18
CLOSED_WEEKDAY = 6  # Sunday
WORKING_HOURS = {Severity.HIGH: 4, Severity.NORMAL: 10, Severity.LOW: 20}


def answer_by(moment: datetime, severity: Severity, zone: ZoneInfo) -> datetime:
    """The UTC moment by which a complaint reported at `moment` is answered: 4, 10 or 20 working hours later."""
    left = timedelta(hours=WORKING_HOURS[severity])
    at = _into_hours(clock.local(moment, zone))
    while True:
        closes = at.replace(hour=CLOSES_HOUR, minute=0, second=0, microsecond=0)
        if at + left <= closes:
            return (at + left).astimezone(moment.tzinfo)
        left -= closes - at
        at = _into_hours(closes)


def _into_hours(at: datetime) -> datetime:
    """The first moment not before `at` when the shop works (local wall clock)."""
    opens = at.replace(hour=OPENS_HOUR, minute=0, second=0, microsecond=0)
    if at.hour >= CLOSES_HOUR:
        opens += timedelta(days=1)
    elif at > opens and at.weekday() != CLOSED_WEEKDAY:
        return at
    return opens + timedelta(days=1) if opens.weekday() == CLOSED_WEEKDAY else opens
