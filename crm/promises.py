"""By when an answer is promised, counted in the hours in which somebody is there to give it."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from crm import clock
from crm.models.care import Severity
from crm.shop import Shop


def answer_by(moment: datetime, severity: Severity, zone: ZoneInfo, shop: Shop) -> datetime:
    """The UTC moment by which a complaint reported at `moment` is answered, in working hours of the shop."""
    left = timedelta(hours=shop.answer_hours[severity.value])
    at = _into_hours(clock.local(moment, zone), shop)
    while True:
        closes = at.replace(hour=shop.closes_hour, minute=0, second=0, microsecond=0)
        if at + left <= closes:
            return (at + left).astimezone(moment.tzinfo)
        left -= closes - at
        at = _into_hours(closes, shop)


def is_staffed(moment: datetime, zone: ZoneInfo, shop: Shop) -> bool:
    """Whether people of the shop are there to answer at `moment`."""
    return shop.opens_hour <= clock.local(moment, zone).hour < shop.closes_hour


def _into_hours(at: datetime, shop: Shop) -> datetime:
    """The first moment not before `at` when the shop works (local wall clock)."""
    opens = at.replace(hour=shop.opens_hour, minute=0, second=0, microsecond=0)
    if at.hour >= shop.closes_hour:
        return opens + timedelta(days=1)
    return max(at, opens)
