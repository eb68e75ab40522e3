"""The one place that asks the machine what time it is, and turns moments into the shop's local days."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


def local(moment: datetime, zone: ZoneInfo) -> datetime:
    """`moment` as people at the shop read it off the wall."""
    return moment.astimezone(zone)


def at_local(day: date, hour: int, zone: ZoneInfo, minute: int = 0) -> datetime:
    """The UTC moment at which the shop's wall clock shows `hour:minute` on `day`."""
    return datetime.combine(day, time(hour, minute), zone).astimezone(UTC)


def next_local_hour(moment: datetime, hour: int, zone: ZoneInfo) -> datetime:
    """The first UTC moment strictly after `moment` whose wall clock shows `hour:00`."""
    today = local(moment, zone).date()
    candidate = at_local(today, hour, zone)
    return candidate if candidate > moment else at_local(today + timedelta(days=1), hour, zone)


def vietnamese_moment(moment: datetime, zone: ZoneInfo) -> str:
    """`15 giờ 30 ngày 06/02/2027` without the words: `15:30 ngày 06/02/2027`, for messages to people."""
    return local(moment, zone).strftime("%H:%M ngày %d/%m/%Y")
