"""The business calendar: several ranges a day, both calendars' holidays, and counting that can be turned around."""

import random
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from crm.business_calendar import calendar, duration, load
from crm.errors import SettingsProblem
from crm.models.people import CalendarKind
from crm.working_hours import LAST, BusinessCalendar, Holiday

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
OFFICE = ((480, 720), (810, 1080))  # 08:00–12:00, 13:30–18:00
TET = Holiday("Tết", CalendarKind.LUNAR, (12, 26), (1, 5), ())
LABOUR = Holiday("1/5", CalendarKind.SOLAR, (5, 1), (5, 1), ())
DESK = BusinessCalendar(
    ZONE,
    {**dict.fromkeys(range(5), OFFICE), 5: ((480, 720),)},
    (TET, LABOUR),
    {date(2026, 11, 25): (), date(2026, 11, 29): ((600, 660),)},
)


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


def _due(start: str, hours: float) -> str:
    return DESK.due(_at(start), timedelta(hours=hours)).astimezone(ZONE).strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("start", "hours", "due"),
    [
        ("2026-11-23 10:00", 2, "2026-11-23 12:00"),  # exactly at lunch, not after it
        ("2026-11-23 10:00", 2.5, "2026-11-23 14:00"),
        ("2026-11-23 12:10", 1, "2026-11-23 14:30"),  # asked within the break
        ("2026-11-20 17:00", 2, "2026-11-21 09:00"),  # Friday evening: Saturday morning works
        ("2026-11-20 17:00", 6, "2026-11-23 09:00"),  # over the week-end
        ("2026-11-24 17:00", 2, "2026-11-26 09:00"),  # a single day off in between
        ("2026-11-28 11:00", 2, "2026-11-29 11:00"),  # a Sunday that is worked for once
        ("2026-04-30 17:00", 2, "2026-05-02 09:00"),  # a public holiday
        ("2026-11-23 03:00", 1, "2026-11-23 09:00"),  # before anybody is there
        ("2026-11-23 10:00", 0, "2026-11-23 10:00"),
    ],
)
def test_when_working_time_is_over(start: str, hours: float, due: str) -> None:
    assert _due(start, hours) == due


def test_tet_is_closed_by_the_moon() -> None:
    """Tết 2027 is on 6 February; 26/12 is 2 February and 5/1 is 10 February."""
    assert _due("2027-02-01 17:00", 2) == "2027-02-11 09:00"
    assert DESK.worked(_at("2027-02-02 00:00"), _at("2027-02-11 00:00")) == timedelta(0)
    assert not DESK.is_open(_at("2027-02-05 09:00"))
    assert DESK.next_open(_at("2027-02-03 09:00")) == _at("2027-02-11 08:00")


@pytest.mark.parametrize("year", [2025, 2026, 2027, 2028, 2029, 2030])
def test_the_last_day_of_the_lunar_year_is_new_years_eve(year: int) -> None:
    """Its twelfth month has 29 or 30 days: `last`, and day 30 where there is none, are both that day."""
    tet = {2025: (1, 29), 2026: (2, 17), 2027: (2, 6), 2028: (1, 26), 2029: (2, 13), 2030: (2, 2)}[year]
    eve = date(year, *tet) - timedelta(days=1)
    for day in (LAST, 30):
        kept = Holiday("Giao thừa", CalendarKind.LUNAR, (12, day), (12, day), ())
        shop = BusinessCalendar(ZONE, dict.fromkeys(range(7), OFFICE), (kept,))
        around = [eve + timedelta(days=offset) for offset in range(-3, 4)]
        assert [found for found in around if not shop.ranges(found)] == [eve]


def test_a_leap_month_has_no_second_holiday() -> None:
    """2025 has a second sixth month: only the first 10/6 is kept."""
    kept = Holiday("10/6", CalendarKind.LUNAR, (6, 10), (6, 10), ())
    shop = BusinessCalendar(ZONE, dict.fromkeys(range(7), OFFICE), (kept,))
    days = [date(2025, 6, 1) + timedelta(days=number) for number in range(120)]
    assert [day for day in days if not shop.ranges(day)] == [date(2025, 7, 4)]


def test_due_and_worked_undo_each_other() -> None:
    dice = random.Random(20270206)
    begin = _at("2026-11-01 00:00")
    for _ in range(400):
        start = begin + timedelta(minutes=dice.randrange(200 * 24 * 60))
        working = timedelta(minutes=dice.randrange(1, 60 * 60))
        due = DESK.due(start, working)
        assert DESK.worked(start, due) == working
        assert DESK.worked(due, start) == -working
        before = due - timedelta(seconds=1)  # the first such moment: a second earlier it is not yet over
        assert DESK.worked(start, before) < working
        later = start + timedelta(minutes=dice.randrange(60 * 24 * 60))
        assert DESK.due(start, DESK.worked(start, later)) <= later
        assert DESK.worked(start, due) + DESK.worked(due, later) == DESK.worked(start, later)


def test_a_night_on_which_clocks_are_put_forward_counts_as_it_is_long() -> None:
    shop = BusinessCalendar(ZoneInfo("Europe/Berlin"), dict.fromkeys(range(7), ((0, 24 * 60),)))
    start = datetime(2026, 3, 28, 12, tzinfo=ZoneInfo("Europe/Berlin"))
    due = shop.due(start, timedelta(hours=24))
    assert due.astimezone(ZoneInfo("Europe/Berlin")).strftime("%d %H:%M") == "29 13:00"
    assert shop.worked(start, due) == timedelta(hours=24)


def test_a_calendar_without_an_open_hour_says_so_instead_of_searching_for_ever() -> None:
    with pytest.raises(SettingsProblem, match="no open hour"):
        BusinessCalendar(ZONE, {}).due(_at("2026-11-23 10:00"), timedelta(hours=1))


def test_the_shops_own_calendar_reads_as_its_article_says() -> None:
    """data/knowledge/cua-hang/gio-mo-cua-dia-chi.md: 8–21, shut at Tết until the third day, 9–18 on the holidays."""
    shop = calendar()
    assert shop.ranges(date(2026, 11, 22)) == ((480, 1260),)
    assert [shop.ranges(date(2027, 2, day)) for day in (5, 6, 7, 8)] == [()] * 4
    assert shop.ranges(date(2027, 2, 4)) == shop.ranges(date(2027, 2, 9)) == ((480, 1260),)
    assert shop.ranges(date(2027, 4, 30)) == shop.ranges(date(2027, 4, 16)) == ((540, 1080),)  # 16 April 2027: 10/3


@pytest.mark.parametrize(
    ("yaml", "said"),
    [
        ("calendar: {week: {mon: ['08:00-12:00', '11:00-13:00']}}", "calendar.week.mon has ranges that overlap"),
        ("calendar: {week: {mon: ['12:00-08:00']}}", "ends before it begins"),
        ("calendar: {week: {mon: ['08:00-25:00']}}", "no clock shows"),
        ("calendar: {week: {mon: ['8 to 12']}}", 'write a range like "08:00-12:00"'),
        ("calendar: {week: {mon: '08:00-12:00'}}", "must be a list of ranges"),
        ("calendar: {week: {monday: []}}", "monday is no weekday"),
        ("calendar: {week: {}, holidays: [{day: 31/1, calendar: lunar}]}", "a lunar month has days 1 to 30"),
        ("calendar: {week: {}, holidays: [{from: 1/1}]}", "holidays.1..to is None"),
        ("calendar: {week: {}, holidays: [{day: 1/13}]}", "write day and month"),
        ("calendar: {week: {}, holidays: [{day: 1/1, calendar: chinese}]}", "write solar or lunar"),
        ("calendar: {week: {}, days: [{date: tomorrow}]}", "write a date like 2026-12-31"),
        ("name: x", "calendar is missing"),
        ("calendar: [", "is not YAML"),
    ],
)
def test_what_is_wrong_in_the_file_is_said_in_a_sentence(tmp_path: Path, yaml: str, said: str) -> None:
    file = tmp_path / "shop.yml"
    file.write_text(yaml, encoding="utf-8")
    with pytest.raises(SettingsProblem, match=said):
        load(file, "Asia/Ho_Chi_Minh")


@pytest.mark.parametrize("wrong", ["", "4", "h", "0m", "1d", "-2h", None])
def test_a_duration_that_is_none_is_refused(wrong: object) -> None:
    with pytest.raises(SettingsProblem, match="working time like"):
        duration(wrong, "here")


def test_a_duration_is_read() -> None:
    assert duration("1h30m", "here") == timedelta(minutes=90)
