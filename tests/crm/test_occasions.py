from datetime import date, timedelta

import pytest

from crm.models.people import CalendarKind
from crm.occasions import ends_month, falls_on

SOLAR, LUNAR = CalendarKind.SOLAR, CalendarKind.LUNAR


def _kept(calendar: CalendarKind, day: int, month: int, leap: bool, year: int) -> list[str]:
    """On which days of a solar year a yearly day is kept."""
    days = (date(year, 1, 1) + timedelta(days=number) for number in range(366))
    return [on.isoformat() for on in days if on.year == year and falls_on(calendar, day, month, leap, on)]


@pytest.mark.parametrize(
    ("year", "expected"), [(2024, "2024-02-29"), (2026, "2026-02-28"), (2028, "2028-02-29"), (2100, "2100-02-28")]
)
def test_born_on_29_february(year: int, expected: str) -> None:
    assert _kept(SOLAR, 29, 2, False, year) == [expected]


def test_born_on_28_february_is_greeted_once_in_every_year() -> None:
    assert _kept(SOLAR, 28, 2, False, 2026) == ["2026-02-28"]
    assert _kept(SOLAR, 28, 2, False, 2028) == ["2028-02-28"]


def test_day_30_of_a_month_that_has_29() -> None:
    assert _kept(LUNAR, 30, 12, False, 2027) == ["2027-02-05"]  # lunar year 2026 ends on the 29th
    assert _kept(LUNAR, 30, 12, False, 2024) == ["2024-02-09"]  # lunar year 2023 ends on the 30th
    assert _kept(LUNAR, 29, 12, False, 2024) == ["2024-02-08"]


def test_born_in_a_leap_month() -> None:
    assert _kept(LUNAR, 10, 6, True, 2025) == ["2025-08-03"]  # this year has a leap sixth month
    assert _kept(LUNAR, 10, 6, True, 2026) == ["2026-07-23"]  # this one has not: the ordinary month
    assert _kept(LUNAR, 10, 8, True, 2025) == _kept(LUNAR, 10, 8, False, 2025)  # a leap month, but not theirs


def test_born_in_an_ordinary_month_is_greeted_once_in_a_leap_year() -> None:
    assert _kept(LUNAR, 10, 6, False, 2025) == ["2025-07-04"]


def test_every_birthday_comes_exactly_once_a_lunar_year() -> None:
    first, after = date(2025, 1, 29), date(2026, 2, 17)  # one Tết and the next; the year has a leap sixth month
    days = [first + timedelta(days=number) for number in range((after - first).days)]
    for month in range(1, 13):
        for day in (1, 15, 29, 30):
            for leap in (False, True):
                kept = [on for on in days if falls_on(LUNAR, day, month, leap, on)]
                assert len(kept) == 1, (day, month, leap, kept)


def test_new_years_eve_is_the_last_day_of_the_twelfth_month() -> None:
    assert ends_month(LUNAR, 12, date(2027, 2, 5))  # the 29th
    assert ends_month(LUNAR, 12, date(2024, 2, 9))  # the 30th
    assert not ends_month(LUNAR, 12, date(2024, 2, 8))
    assert not ends_month(LUNAR, 6, date(2025, 7, 24))  # a leap sixth month follows
    assert ends_month(SOLAR, 2, date(2026, 2, 28))
    assert not ends_month(SOLAR, 2, date(2028, 2, 28))
