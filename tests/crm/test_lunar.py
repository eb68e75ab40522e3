"""Vietnam's calendar against a reference computed apart from it: new moons and the sun's place by PyEphem (VSOP87)."""

from datetime import date, timedelta

import pytest

from crm import lunar
from crm.errors import InvalidInput
from crm.lunar import LunarDate

TET = """
1950-02-17 1951-02-06 1952-01-27 1953-02-14 1954-02-03 1955-01-24 1956-02-12 1957-01-31 1958-02-18 1959-02-08
1960-01-28 1961-02-15 1962-02-05 1963-01-25 1964-02-13 1965-02-01 1966-01-21 1967-02-09 1968-01-29 1969-02-16
1970-02-06 1971-01-27 1972-02-15 1973-02-03 1974-01-23 1975-02-11 1976-01-31 1977-02-18 1978-02-07 1979-01-28
1980-02-16 1981-02-05 1982-01-25 1983-02-13 1984-02-02 1985-01-21 1986-02-09 1987-01-29 1988-02-17 1989-02-06
1990-01-27 1991-02-15 1992-02-04 1993-01-23 1994-02-10 1995-01-31 1996-02-19 1997-02-07 1998-01-28 1999-02-16
2000-02-05 2001-01-24 2002-02-12 2003-02-01 2004-01-22 2005-02-09 2006-01-29 2007-02-17 2008-02-07 2009-01-26
2010-02-14 2011-02-03 2012-01-23 2013-02-10 2014-01-31 2015-02-19 2016-02-08 2017-01-28 2018-02-16 2019-02-05
2020-01-25 2021-02-12 2022-02-01 2023-01-22 2024-02-10 2025-01-29 2026-02-17 2027-02-06 2028-01-26 2029-02-13
2030-02-02 2031-01-23 2032-02-11 2033-01-31 2034-02-19 2035-02-08 2036-01-28 2037-02-15 2038-02-04 2039-01-24
2040-02-12 2041-02-01 2042-01-22 2043-02-10 2044-01-30 2045-02-17 2046-02-06 2047-01-26 2048-02-14 2049-02-02
2050-01-23
""".split()  # noqa: SIM905
LEAP_MONTHS = {
    1952: 5, 1955: 3, 1957: 8, 1960: 6, 1963: 4, 1966: 3, 1968: 7, 1971: 5, 1974: 4, 1976: 8, 1979: 6, 1982: 4, 1985: 2,
    1987: 7, 1990: 5, 1993: 3, 1995: 8, 1998: 5, 2001: 4, 2004: 2, 2006: 7, 2009: 5, 2012: 4, 2014: 9, 2017: 6, 2020: 4,
    2023: 2, 2025: 6, 2028: 5, 2031: 3, 2033: 11, 2036: 6, 2039: 5, 2042: 2, 2044: 7, 2047: 5, 2050: 3,
}  # fmt: skip


@pytest.mark.parametrize("day", TET)
def test_tet_falls_where_the_sky_puts_it_over_hanoi(day: str) -> None:
    tet = date.fromisoformat(day)
    assert lunar.to_lunar(tet) == LunarDate(1, 1, tet.year)
    assert lunar.to_solar(LunarDate(1, 1, tet.year)) == tet
    assert lunar.to_lunar(tet - timedelta(days=1)).month == 12


def test_leap_months_are_those_of_the_sky_and_no_others() -> None:
    found = {year: month for year in range(1950, 2051) for month in range(1, 13) if lunar.has_leap_month(year, month)}
    assert found == LEAP_MONTHS


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("1952-06-22", LunarDate(1, 5, 1952, leap=True)),
        ("1960-07-24", LunarDate(1, 6, 1960, leap=True)),
        ("1985-03-21", LunarDate(1, 2, 1985, leap=True)),
        ("1985-02-19", LunarDate(30, 1, 1985)),
        ("2025-07-25", LunarDate(1, 6, 2025, leap=True)),
        ("2026-09-25", LunarDate(15, 8, 2026)),
        ("2027-02-05", LunarDate(29, 12, 2026)),
        ("2034-01-19", LunarDate(29, 11, 2033, leap=True)),
    ],
)
def test_days_that_other_calendars_get_wrong(day: str, expected: LunarDate) -> None:
    assert lunar.to_lunar(date.fromisoformat(day)) == expected


def test_every_day_of_a_century_and_a_half_goes_there_and_back() -> None:
    day = date(1940, 1, 1)
    while day < date(2090, 1, 1):
        assert lunar.to_solar(lunar.to_lunar(day)) == day
        day += timedelta(days=1)


@pytest.mark.parametrize(
    "missing",
    [
        LunarDate(30, 12, 2026),
        LunarDate(1, 6, 2026, leap=True),
        LunarDate(1, 5, 2025, leap=True),
        LunarDate(31, 1, 2026),
    ],
)
def test_a_day_that_its_year_does_not_have_is_refused(missing: LunarDate) -> None:
    with pytest.raises(InvalidInput):
        lunar.to_solar(missing)


def test_months_have_29_or_30_days() -> None:
    assert lunar.month_length(2026, 12) == 29
    assert lunar.month_length(2023, 12) == 30
    assert lunar.month_length(2025, 6, leap=True) == 29
    with pytest.raises(InvalidInput):
        lunar.month_length(2026, 6, leap=True)
