"""Order codes, ticket codes, serial numbers, Vietnamese phone numbers and e-mail addresses, however they are typed.

Phone numbers need no library: phonenumbers finds the same ones and takes 0.1 to 1 ms a message with digits in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from nlu.entities.reading import Found, Reading, read

_SEPARATOR = r"[\s.\-_–/]{0,3}"
_TICKET = re.compile(rf"(?<!\w)kn{_SEPARATOR}(20\d\d){_SEPARATOR}(\d{{6}})(?!\d)")
_ORDER = re.compile(rf"(?<!\w)dh{_SEPARATOR}(?:#\s?)?(\d{{3,12}})(?!\d)")
_COUNTRY = r"(?<![\w+])(?:\+?84|\(\+?84\)|0)[\s.\-]{0,2}0?"
# A mobile number: 03, 05, 07, 08 or 09 and eight digits more, grouped at will, 0 or 84 in front.
_PHONE = re.compile(rf"{_COUNTRY}([35789](?:[\s.\-]{{0,2}}\d){{8}})(?!\d)")
# A landline: 02, area and subscriber, eleven digits in all since 2017; the area may stand in brackets.
_LANDLINE = re.compile(r"(?<![\w+])(?:\+?84[\s.\-]{0,2}|\(?0)(2\d{1,2}\)?(?:[\s.\-]{0,2}\d){7,8})(?!\d)")
_LANDLINE_DIGITS = 11
_EMAIL = re.compile(r"(?<![\w.+\-])[a-z0-9][\w.+\-]*@[a-z0-9\-]+(?:\.[a-z0-9\-]+)*\.[a-z]{2,}")
_IMEI = re.compile(r"\bimei\b[^\w\n]{0,3}(?:\w{1,5}[^\w\n]{1,3}){0,3}?(\d(?:[ \-]?\d){13,15})(?!\d)")
_SERIAL = re.compile(
    r"\b(?:so\s+)?(?:serial(?:\s+number)?|se\s?ri(?:an)?|s/n|sn|so may|ma may)\b[^\w\n]{0,3}"
    r"(?:(?:cua|la|may|so|em|minh|no|no la|day)[^\w\n]{1,3}){0,4}"
    r"((?=[a-z\-]*\d)(?:[a-z0-9]+(?:[\-/][a-z0-9]+)*))(?![\w\-])"
)
_SERIAL_SHAPE = re.compile(r"(?<![\w\-])([a-z]{2,4}\d{1,4}-\d{6,9})(?![\w\-])")
_PHONE_OR_DATE = re.compile(r"0[235789]\d{8,9}|\d{1,2}([/\-])\d{1,2}\1(?:\d{2}){1,2}")
_SHORTEST_SERIAL = 6


def _ticket_code(match: re.Match[str]) -> str:
    return f"KN-{match[1]}-{match[2]}"


def _order_code(match: re.Match[str]) -> str:
    return f"DH{match[1]}"


def _phone_number(match: re.Match[str]) -> str | None:
    return "0" + _digits(match[1])


def _landline(match: re.Match[str]) -> str | None:
    number = "0" + _digits(match[1])
    return number if len(number) == _LANDLINE_DIGITS else None


def _email(match: re.Match[str]) -> str:
    return match[0]


def _imei(match: re.Match[str]) -> str:
    return _digits(match[1])


def _serial(match: re.Match[str]) -> str | None:
    number = match[1].upper()
    other = _PHONE_OR_DATE.fullmatch(number) is not None
    enough = len(number) >= _SHORTEST_SERIAL and sum(map(str.isdigit, number)) >= _SHORTEST_SERIAL // 2
    return number if enough and not other else None


def _digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))


# In the order of precedence: what an earlier pattern took, a later one leaves. `group` holds the entity's own place.
_PATTERNS: tuple[tuple[str, re.Pattern[str], int, Callable[[re.Match[str]], str | None]], ...] = (
    ("email", _EMAIL, 0, _email),
    ("ticket_code", _TICKET, 0, _ticket_code),
    ("order_code", _ORDER, 0, _order_code),
    ("serial", _IMEI, 1, _imei),
    ("serial", _SERIAL, 1, _serial),
    ("serial", _SERIAL_SHAPE, 1, _serial),
    ("phone", _PHONE, 0, _phone_number),
    ("landline", _LANDLINE, 0, _landline),
)
_ANY_DIGIT_OR_AT = re.compile(r"[\d@]")


def find(reading: Reading) -> Iterator[Found]:
    """Yield codes in canonical form: KN-2026-000123, DH000123, 0900000012, 02438234567, an upper-case serial."""
    if not _ANY_DIGIT_OR_AT.search(reading.plain):
        return
    taken: list[tuple[int, int]] = []
    for entity, pattern, group, canonical in _PATTERNS:
        for match in pattern.finditer(reading.plain):
            start, end = match.span(group)
            value = canonical(match)
            if value is None or any(start < e and s < end for s, e in taken):
                continue
            taken.append((start, end))
            yield reading.found(entity, value, start, end)


def find_codes(text: str) -> list[Found]:
    """The codes of a raw text, in order of appearance."""
    return sorted(find(read(text)), key=lambda found: found.start)
