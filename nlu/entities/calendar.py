"""Which day is meant: days, weeks and months around a given today, in Vietnam's solar and lunar calendars (UTC+7).

The lunar calendar is lunar-vn's (pure Python, right for Tết 1968, 1985, 2007 and 2030; see crm/lunar.py, whose check on
day 30 is repeated here, for Rasa's room imports nothing of the product's).
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

import lunar_vn

MONDAY, SATURDAY = 0, 5
LAST_MONTH = 12


@dataclass(frozen=True, slots=True)
class Days:
    """One day, or the days from `first` to `last`. `lunar` tells in which calendar it was said."""

    first: date
    last: date | None = None
    lunar: bool = False


@dataclass(frozen=True, slots=True)
class Today:
    """The day the customer speaks on, and whether the words look back ("mua hôm 12/3")."""

    day: date
    past: bool = False

    def choose(self, candidates: Iterable[date | None]) -> date | None:
        """The nearest candidate that lies ahead, today included; behind when the words look back."""
        days = sorted(day for day in candidates if day is not None)
        behind = [day for day in days if day <= self.day]
        ahead = [day for day in days if day >= self.day]
        if self.past:
            return behind[-1] if behind else None
        return ahead[0] if ahead else None


def solar(day: int, month: int, year: int) -> date | None:
    """The date, or None where the calendar has no such day."""
    try:
        return date(year, month, day)
    except ValueError:
        return None


def from_lunar(day: int, month: int, year: int) -> date | None:
    """The solar day of a lunar one (never of a leap month); None where that month has no such day."""
    try:
        found = lunar_vn.lunar_to_solar(lunar_vn.LunarDate(day, month, year, False))
        back = lunar_vn.solar_to_lunar(found)
    except ValueError:
        return None
    return found if (back.day, back.month) == (day, month) else None


def yearly(today: Today, day: int, month: int, year: int | None, *, lunar: bool) -> date | None:
    """Day and month in the year that is said, or in the year that fits."""
    make = from_lunar if lunar else solar
    if year is not None:
        return make(day, month, year)
    return today.choose(make(day, month, today.day.year + shift) for shift in (-1, 0, 1, 2, 3, 4))


def monthly(today: Today, day: int, *, lunar: bool) -> date | None:
    """The day of a month that is not said: the nearest one."""
    if not lunar:
        return today.choose(_solar_of(day, shift, today.day) for shift in (-2, -1, 0, 1, 2))
    year = today.day.year
    return today.choose(from_lunar(day, month, y) for y in (year - 1, year, year + 1) for month in range(1, 13))


def tet(today: Today, day: int, year: int | None = None) -> date | None:
    """Day `day` of Tết; `day` above 20 counts in the last month of the old year: 30 is the eve in a short month too."""
    years = [year] if year is not None else [today.day.year + shift for shift in (-1, 0, 1, 2)]
    return today.choose(_of_tet(day, each) for each in years) if year is None else _of_tet(day, years[0])


def _of_tet(day: int, year: int) -> date | None:
    if day <= 20:
        return from_lunar(day, 1, year)
    if day == 30:
        first = from_lunar(1, 1, year)
        return first - timedelta(days=1) if first else None
    return from_lunar(day, LAST_MONTH, year - 1)


def weekday(today: Today, index: int, week: int | None, *, coming: bool = False) -> date:
    """A day of the week (0 is Monday) in the week `week` weeks away, or the nearest one; `coming`: not today's."""
    if week is not None:
        return today.day - timedelta(days=today.day.weekday()) + timedelta(days=index, weeks=week)
    ahead = (index - today.day.weekday()) % 7
    if today.past:
        return today.day + timedelta(days=ahead - 7)
    return today.day + timedelta(days=ahead or (7 if coming else 0))


def week(today: Today, shift: int) -> Days:
    """Monday to Sunday of the week `shift` weeks away."""
    return Days(weekday(today, MONDAY, shift), weekday(today, 6, shift))


def part_of_week(today: Today, part: str, shift: int | None) -> Days:
    """The beginning, middle or end of a week; without a week, the nearest that is not over."""
    first, last = {"dau": (0, 1), "giua": (2, 3), "cuoi": (SATURDAY, 6)}[part]
    if shift is None:
        shift = -1 if today.past and today.day.weekday() < first else 0
        shift += 1 if not today.past and today.day.weekday() > last else 0
    return Days(weekday(today, first, shift), weekday(today, last, shift))


def month(today: Today, shift: int = 0, part: str = "") -> Days:
    """A whole month `shift` months away, or its beginning, middle or end."""
    year, number = _shifted(today.day, shift)
    return _month(year, number, part)


def named_month(today: Today, number: int, year: int | None, part: str = "") -> Days | None:
    """The month with this number, in the year that is said or fits."""
    if not 1 <= number <= LAST_MONTH:
        return None
    if year is None:
        before = number < today.day.month
        after = number > today.day.month
        year = today.day.year + (1 if before and not today.past else -1 if after and today.past else 0)
    return _month(year, number, part)


def named_lunar_month(today: Today, number: int) -> Days | None:
    """The lunar month with this number that is nearest ahead, or is now."""
    for year in (today.day.year - 1, today.day.year, today.day.year + 1):
        first, last = from_lunar(1, number, year), from_lunar(30, number, year) or from_lunar(29, number, year)
        if first and last and last >= today.day:
            return Days(first, last, lunar=True)
    return None


def months_away(day: date, shift: int) -> date:
    """The same day of another month, or that month's last."""
    year, number = _shifted(day, shift)
    return date(year, number, min(day.day, calendar.monthrange(year, number)[1]))


def _month(year: int, number: int, part: str) -> Days:
    length = calendar.monthrange(year, number)[1]
    first, last = {"dau": (1, 5), "giua": (14, 16), "cuoi": (25, length)}.get(part, (1, length))
    return Days(date(year, number, first), date(year, number, last))


def _solar_of(day: int, shift: int, today: date) -> date | None:
    year, number = _shifted(today, shift)
    return solar(day, number, year)


def _shifted(day: date, shift: int) -> tuple[int, int]:
    months = day.year * 12 + day.month - 1 + shift
    return months // 12, months % 12 + 1
