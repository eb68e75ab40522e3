"""Which yearly days fall on a given date, in the solar and in the lunar calendar."""

from dataclasses import dataclass
from datetime import date, timedelta

from crm import lunar
from crm.models.people import CalendarKind


@dataclass(frozen=True)
class YearlyDay:
    """A day that comes back every year, as its owner would say it: solar 29/2, or lunar 30/6 of the leap month."""

    calendar: CalendarKind
    day: int
    month: int
    leap: bool = False


def kept_on(on: date) -> list[YearlyDay]:
    """Every yearly day that is kept on the date `on`.

    29 February is kept on 28 February in common years; day 30 of a lunar month on day 29 when the month has no 30th;
    a day of a leap month in the ordinary month in years without that leap month; a day of an ordinary month only once,
    in the ordinary month.
    """
    return _solar(on) + _lunar(on)


def falls_on(calendar: CalendarKind, day: int, month: int, leap: bool, on: date) -> bool:
    """Whether the yearly day is kept on the date `on`, by the rules of `kept_on`."""
    return YearlyDay(calendar, day, month, leap) in kept_on(on)


def ends_month(calendar: CalendarKind, month: int, on: date) -> bool:
    """Whether `on` is the last day of the month: Giao thừa is the last of lunar month 12, day 29 or 30."""
    tomorrow = on + timedelta(days=1)
    if calendar is CalendarKind.SOLAR:
        return on.month == month != tomorrow.month
    return lunar.to_lunar(on).month == month != lunar.to_lunar(tomorrow).month


def _solar(on: date) -> list[YearlyDay]:
    days = [on.day]
    if (on.month, on.day) == (2, 28) and (on + timedelta(days=1)).month == 3:
        days.append(29)
    return [YearlyDay(CalendarKind.SOLAR, day, on.month) for day in days]


def _lunar(on: date) -> list[YearlyDay]:
    today = lunar.to_lunar(on)
    days = [today.day]
    if today.day == 29 and lunar.month_length(today.year, today.month, leap=today.leap) == 29:
        days.append(30)
    marks = [today.leap]
    if not today.leap and not lunar.has_leap_month(today.year, today.month):
        marks.append(True)
    return [YearlyDay(CalendarKind.LUNAR, day, today.month, leap) for leap in marks for day in days]
