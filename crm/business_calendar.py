"""The shop's own calendar, read from `data/shop.yml`; what is wrong there is said in a sentence."""

import re
from collections.abc import Mapping
from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from crm.errors import SettingsProblem
from crm.models.people import CalendarKind
from crm.settings import settings
from crm.working_hours import LAST, BusinessCalendar, Holiday, Range, YearDay

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_RANGE = re.compile(r"(\d{1,2}):(\d{2})\s*[-–]\s*(\d{1,2}):(\d{2})")
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?")
_MIDNIGHT = 24 * 60


def shop_file() -> Path:
    """Where the shop's profile stands."""
    return settings().data_dir / "shop.yml"


def calendar() -> BusinessCalendar:
    """The shop's calendar, read once a process. Raises SettingsProblem with what is wrong."""
    return load(shop_file(), settings().timezone)


@lru_cache(maxsize=4)
def load(path: Path, timezone: str) -> BusinessCalendar:
    """The calendar of the file. Raises SettingsProblem."""
    raw = section(path, "calendar")
    week = _mapping(raw, "week", "calendar")
    for name in week:
        if name not in DAYS:
            raise problem(f"calendar.week.{name}", f"is no weekday; write one of {', '.join(DAYS)}")
    return BusinessCalendar(
        zone=ZoneInfo(timezone),
        week={number: ranges(week.get(name), f"calendar.week.{name}") for number, name in enumerate(DAYS)},
        holidays=tuple(_holiday(entry, at) for entry, at in _entries(raw, "holidays")),
        days=dict(_single(entry, at) for entry, at in _entries(raw, "days")),
    )


@lru_cache(maxsize=4)
def _whole(path: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise SettingsProblem(f"{path.name} is not YAML: {error}") from error
    return found if isinstance(found, dict) else {}


def section(path: Path, name: str) -> dict[str, Any]:
    """The part `name` of the file. Raises SettingsProblem when it is missing."""
    return _mapping(_whole(path), name, "")


def problem(at: str, sentence: str) -> SettingsProblem:
    """What to raise for the value at the place `at` of the file."""
    return SettingsProblem(f"shop.yml: {at} {sentence}")


def ranges(raw: object, at: str) -> tuple[Range, ...]:
    """`["08:00-12:00", "13:30-18:00"]` in minutes. Nothing and an empty list: nobody works. Raises SettingsProblem."""
    if raw is None:
        return ()
    if not isinstance(raw, list):
        raise problem(at, 'must be a list of ranges, for example ["08:00-12:00", "13:30-18:00"]')
    found = tuple(_range(entry, at) for entry in raw)
    for before, after in pairwise(found):
        if after[0] < before[1]:
            raise problem(at, "has ranges that overlap or stand in the wrong order")
    return found


def duration(raw: object, at: str) -> timedelta:
    """`4h`, `45m` or `1h30m`, longer than nothing. Raises SettingsProblem."""
    found = _DURATION.fullmatch(str(raw).strip())
    length = timedelta(hours=int(found[1] or 0), minutes=int(found[2] or 0)) if found else timedelta(0)
    if length <= timedelta(0):
        raise problem(at, f"is {raw!r}; write working time like 4h, 45m or 1h30m")
    return length


def _range(raw: object, at: str) -> Range:
    found = _RANGE.fullmatch(str(raw).strip())
    if found is None:
        raise problem(at, f'has {raw!r}; write a range like "08:00-12:00", in quotes')
    hours = (int(found[1]), int(found[3]))
    minutes = (int(found[2]), int(found[4]))
    opens, closes = hours[0] * 60 + minutes[0], hours[1] * 60 + minutes[1]
    if max(minutes) > 59 or closes > _MIDNIGHT:
        raise problem(at, f"has {raw!r}, which no clock shows; the latest end is 24:00")
    if closes <= opens:
        raise problem(at, f"has {raw!r}, which ends before it begins; a night shift is two ranges on two days")
    return opens, closes


def _holiday(entry: Mapping[str, Any], at: str) -> Holiday:
    try:
        kind = CalendarKind(entry.get("calendar", CalendarKind.SOLAR))
    except ValueError:
        raise problem(f"{at}.calendar", f"is {entry['calendar']!r}; write solar or lunar") from None
    if "day" in entry:
        first = last = _year_day(entry["day"], kind, f"{at}.day")
    else:
        first = _year_day(entry.get("from"), kind, f"{at}.from")
        last = _year_day(entry.get("to"), kind, f"{at}.to")
    return Holiday(str(entry.get("name", "")), kind, first, last, ranges(entry.get("open"), f"{at}.open"))


def _year_day(raw: object, kind: CalendarKind, at: str) -> YearDay:
    day, _, month = str(raw).partition("/")
    longest = 30 if kind is CalendarKind.LUNAR else 31
    if not month.isdigit() or not 1 <= int(month) <= 12:
        raise problem(at, f'is {raw!r}; write day and month like "30/4", or "last/12" for the last day of month 12')
    if day == "last":
        return int(month), LAST
    if not day.isdigit() or not 1 <= int(day) <= longest:
        raise problem(at, f"is {raw!r}; a {kind.value} month has days 1 to {longest}, or last")
    return int(month), int(day)


def _single(entry: Mapping[str, Any], at: str) -> tuple[date, tuple[Range, ...]]:
    raw = entry.get("date")
    if isinstance(raw, date):
        return raw, ranges(entry.get("open"), f"{at}.open")
    raise problem(f"{at}.date", f"is {raw!r}; write a date like 2026-12-31, without quotes")


def _entries(raw: Mapping[str, Any], name: str) -> list[tuple[Mapping[str, Any], str]]:
    found = raw.get(name) or []
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise problem(f"calendar.{name}", "must be a list of entries in braces")
    return [(entry, f"calendar.{name}[{number}]") for number, entry in enumerate(found, 1)]


def _mapping(raw: Mapping[str, Any], name: str, above: str) -> dict[str, Any]:
    found, at = raw.get(name), f"{above}.{name}".lstrip(".")
    if not isinstance(found, dict):
        raise problem(at, "is missing or not a group of settings")
    return found
