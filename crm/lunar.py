"""Vietnam's lunar calendar (UTC+7). It differs from China's: Tết of 1968, 1985, 2007 and 2030 fall on other days.

The computation is the library lunar-vn's (docs/adr/0004-lunar-calendar.md). It trusts its caller: it ignores a leap
mark in a year without that leap month and gives day 30 of a 29-day month as day 1 of the next; both are checked here.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import lunar_vn

from crm.errors import InvalidInput


@dataclass(frozen=True)
class LunarDate:
    """`year` is the lunar year numbered as the solar year it begins in; `leap` marks the second month of a name."""

    day: int
    month: int
    year: int
    leap: bool = False


def to_lunar(day: date) -> LunarDate:
    """The lunar date of a solar day in 1900–2100. Raises InvalidInput outside of it."""
    try:
        found = lunar_vn.solar_to_lunar(day)
    except ValueError as error:
        raise InvalidInput("day", str(error)) from error
    return LunarDate(found.day, found.month, found.year, found.leap)


def to_solar(lunar: LunarDate) -> date:
    """The solar day of a lunar date. Raises InvalidInput for a day or a leap month that its year does not have."""
    try:
        day = lunar_vn.lunar_to_solar(lunar_vn.LunarDate(lunar.day, lunar.month, lunar.year, lunar.leap))
    except ValueError as error:
        raise InvalidInput("lunar", str(error)) from error
    if to_lunar(day) != lunar:
        raise InvalidInput("lunar", f"there is no {lunar}")
    return day


def month_length(year: int, month: int, *, leap: bool = False) -> int:
    """29 or 30 days. Raises InvalidInput for a leap month that the year does not have."""
    last = to_solar(LunarDate(29, month, year, leap))
    return 30 if to_lunar(last + timedelta(days=1)).day == 30 else 29


def has_leap_month(year: int, month: int) -> bool:
    """Whether the lunar year has a second month of this number."""
    try:
        to_solar(LunarDate(1, month, year, leap=True))
    except InvalidInput:
        return False
    return True
