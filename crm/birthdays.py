"""A birthday out of what a customer types: solar or lunar, in figures or in words (`data/words/profile.yml`)."""

import re
from dataclasses import dataclass

from crm.models.people import CalendarKind
from crm.text import fold
from crm.words import mentioned, normal, words

FIGURES = re.compile(r"(?<![\d/.\-])(\d{1,2})\s*[/.\-]\s*(\d{1,2})(?:\s*[/.\-]\s*(\d{4}|\d{2}))?(?![\d/\-]|\.\d)")
_YEAR = re.compile(r"nam\s+((?:19|20)\d{2})|\b((?:19|20)\d{2})\b")


@dataclass(frozen=True)
class Birthday:
    """As said; whether such a day exists is for crm.customers.set_birthday to check."""

    calendar: CalendarKind
    day: int
    month: int
    year: int | None = None


def birthday_in(said: str) -> Birthday | None:
    """The day and month that `said` gives: "15/8/1990", "mùng 5 tháng 8 âm", "rằm tháng giêng", "3-4"."""
    calendar = _calendar(said)
    figures = FIGURES.search(said)
    if figures:
        year = _year(figures[3]) if figures[3] else _worded_year(said)
        return Birthday(calendar, int(figures[1]), int(figures[2]), year)
    return _worded(fold(said), calendar)


def _worded(said: str, calendar: CalendarKind) -> Birthday | None:
    lists = words("profile")
    days = {normal(name): day for name, day in lists["days"].items()}
    months = {normal(name): month for name, month in lists["months"].items()}
    day = rf"(?P<day>\d{{1,2}}|{_any(days)})"
    month = rf"thang\s+(?P<month>\d{{1,2}}|{_any(months)})"
    found = re.search(rf"\b{day}\s+{month}\b", said)
    if found is None:
        return None
    number = days.get(found["day"]) or int(found["day"])
    spoken = "mung" in found[0] or "ram" in found[0] or found["month"] in (normal("giêng"), normal("chạp"))
    return Birthday(
        CalendarKind.LUNAR if spoken and not _says_solar(said) else calendar,
        number,
        months.get(found["month"]) or int(found["month"]),
        _worded_year(said),
    )


def _any(names: dict[str, int]) -> str:
    return "|".join(sorted((re.escape(name) for name in names), key=len, reverse=True))


def _calendar(said: str) -> CalendarKind:
    return CalendarKind.LUNAR if mentioned(said, words("profile")["lunar"]) else CalendarKind.SOLAR


def _says_solar(said: str) -> bool:
    return mentioned(said, words("profile")["solar"]) is not None


def _worded_year(said: str) -> int | None:
    found = _YEAR.search(fold(said))
    return int(found[1] or found[2]) if found else None


def _year(digits: str) -> int:
    year = int(digits)
    return year if year > 99 else 1900 + year if year > 30 else 2000 + year
