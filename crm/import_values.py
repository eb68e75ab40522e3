"""Values as people write them into spreadsheets, as the records want them; ValueError for what is none."""

import re
from datetime import datetime, timedelta

from crm import clock
from crm.customer_records import EMAIL, Birthday
from crm.customers import national_phone
from crm.errors import InvalidInput
from crm.settings import settings

_CURRENCY = re.compile(r"(vnđ|vnd|đồng|dong|đ|₫|d)\.?$", re.IGNORECASE)
_GROUPED = re.compile(r"^\d{1,3}(?:([.,\s])\d{3})(?:\1\d{3})*$")
_DECIMALS = re.compile(r"[.,]0{1,2}$")
_DAY_FIRST = re.compile(r"^(\d{1,2})[/.-](\d{1,2})[/.-](\d{4}|\d{2})(?:[ ,T]+(\d{1,2}):(\d{2})(?::(\d{2}))?)?$")
_DAY_MONTH = re.compile(r"^(\d{1,2})[/.-](\d{1,2})$")
SOON = timedelta(days=1)


def phone(said: str) -> str:
    """0xxxxxxxxx; a number from which the spreadsheet took the leading 0 gets it back."""
    digits = re.sub(r"\D", "", said)
    try:
        return national_phone(f"0{digits}" if len(digits) == 9 and not said.startswith("0") else said.lstrip("'"))
    except InvalidInput as error:
        raise ValueError("phone") from error


def email(said: str) -> str:
    """An address in lower case."""
    if not re.match(EMAIL, said) or len(said) > 200:
        raise ValueError("email")
    return said.lower()


def money(said: str) -> int:
    """Whole đồng, however thousands are divided: 1.250.000 đ, 1,250,000, 1250000.00."""
    bare = _CURRENCY.sub("", said.strip()).strip()
    whole = _DECIMALS.sub("", bare) if re.match(r"^\d+[.,]0{1,2}$|^.*[.,]\d{3}[.,]0{1,2}$", bare) else bare
    if _GROUPED.match(whole):
        whole = re.sub(r"\D", "", whole)
    if not whole.isascii() or not whole.isdigit() or len(whole) > 12:
        raise ValueError("money")
    return int(whole)


def quantity(said: str) -> int:
    """A whole number from 1."""
    if not said.isascii() or not said.isdigit() or not 1 <= int(said) <= 100_000:
        raise ValueError("number")
    return int(said)


def moment(said: str) -> datetime:
    """A day, the day first as people write it here, or ISO 8601; in the shop's time where none is given."""
    found = _DAY_FIRST.match(said)
    if found:
        day, month, year = (int(each) for each in found.groups()[:3])
        year += 2000 if len(found[3]) == 2 else 0
        hour, minute, second = (int(each or 0) for each in found.groups()[3:])
        at = datetime(year, month, day, hour, minute, second)
    else:
        at = datetime.fromisoformat(said)
    if not 1990 <= at.year <= 2200:
        raise ValueError("date")
    return at if at.tzinfo is not None else at.replace(tzinfo=settings().zone)


def past(said: str) -> datetime:
    """A moment that is not in the future; OverflowError where it is."""
    at = moment(said)
    if at > clock.now() + SOON:
        raise OverflowError("future")
    return at


def birthday(said: str) -> Birthday:
    """A day of birth, with its year or without."""
    found = _DAY_MONTH.match(said)
    if found:
        day, month = int(found[1]), int(found[2])
        datetime(2000, month, day)  # a leap year: 29 February comes
        return Birthday(day, month)
    full = _DAY_FIRST.match(said)
    at = datetime(int(full[3]), int(full[2]), int(full[1])) if full else datetime.fromisoformat(said)
    if not 1900 <= at.year <= clock.now().year:
        raise ValueError("date")
    return Birthday(at.day, at.month, at.year)
