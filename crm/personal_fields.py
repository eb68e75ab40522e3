"""What an advertisement may say of its reader: {address}, {name}, {tier}, {points}, {voucher}, each with words instead.

`{tier|khách quen}` reads "khách quen" for whoever has no tier. A field that somebody lacks, without words instead, is a
hole: it is counted for whole audiences in one query before anything is sent, and never sent.
"""

import string
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, case, null, or_, true

from crm import words
from crm.errors import InvalidInput
from crm.models.people import Customer, Tier

LACKING = "missing_field"
ALWAYS = frozenset({"address", "Address", "self", "Self", "shop", "hotline", "hours"})
NAME = "name"  # without words instead, somebody without a name is called by the form of address alone
_LONGEST_NAME = "ằ" * 100  # crm.customers.rename lets nobody have a longer one


class MissingField(InvalidInput):
    """People would read a hole. `counts`: how many of them, by field."""

    def __init__(self, counts: dict[str, int]) -> None:
        super().__init__("missing", f"not everybody has {', '.join(counts)}: remove it or write words instead")
        self.counts = counts


@dataclass(frozen=True)
class Field:
    """`lacking`: whether a row of `customers` has none. `value`: what is written for somebody, None for a hole."""

    lacking: Callable[[], ColumnElement[bool]]
    value: Callable[[Customer], str | None]
    longest: Callable[[], str]


@dataclass(frozen=True)
class Piece:
    """Text as it is written, then perhaps a field and the words that stand for it where it is missing."""

    text: str
    field: str | None = None
    instead: str | None = None


def _tier(customer: Customer) -> str | None:
    return None if customer.tier in (None, Tier.NONE) else words.label(f"tier.{customer.tier.value}")


def _longest_tier() -> str:
    return max((words.label(f"tier.{tier.value}") for tier in Tier), key=len)


def _nothing(_customer: Customer) -> str | None:
    return None


def _nobody_has_one() -> ColumnElement[bool]:
    return true()


FIELDS = {
    "tier": Field(lambda: Customer.tier == Tier.NONE, _tier, _longest_tier),
    # The shop keeps neither points nor vouchers yet; these are the places where they will be read.
    "points": Field(_nobody_has_one, _nothing, lambda: "9" * 11),
    "voucher": Field(_nobody_has_one, _nothing, lambda: "X" * 32),
}
KNOWN = frozenset({*ALWAYS, NAME, *FIELDS})


def pieces(body: str) -> list[Piece]:
    """`body` taken apart. Raises InvalidInput: a stray brace, or a field that does not exist."""
    try:
        return [Piece(text, *_field(name, spec, conversion)) for text, name, spec, conversion in _parsed(body)]
    except ValueError as error:
        raise InvalidInput("text", "a { or } stands alone") from error


def needed(body: str) -> list[str]:
    """The fields of `body` that not everybody has and for which no words are given. Raises InvalidInput."""
    return sorted({piece.field for piece in pieces(body) if piece.field in FIELDS and piece.instead is None})


def lacking(fields: Collection[str]) -> ColumnElement[Any]:
    """LACKING for a row of `customers` in which one of `fields` is missing, else NULL."""
    conditions = [FIELDS[field].lacking() for field in fields]
    return case((or_(*conditions), LACKING), else_=null()) if conditions else null()


def fill_in(body: str, customer: Customer) -> str:
    """`body` with everything but the customer's own words filled in. Raises InvalidInput, MissingField."""
    return "".join(_escaped(piece.text) + _for(piece, customer) for piece in pieces(body))


def longest(body: str) -> str:
    """`body` with the longest that any of its fields can become. Raises InvalidInput."""
    return "".join(_escaped(piece.text) + _longest(piece) for piece in pieces(body))


def has_name(customer: Customer) -> bool:
    """Whether there is a name to call the customer by: one with a letter in it."""
    return any(letter.isalnum() for letter in customer.name or "")


def _parsed(body: str) -> list[tuple[str, str | None, str | None, str | None]]:
    return list(string.Formatter().parse(body))


def _field(name: str | None, spec: str | None, conversion: str | None) -> tuple[str | None, str | None]:
    if name is None:
        return None, None
    field, bar, instead = name.partition("|")
    if bar and spec:
        instead = f"{instead}:{spec}"  # a colon in the words instead, which the parser takes for its own
    wrong = field not in KNOWN or conversion or (spec and not bar) or (bar and not instead.strip())
    if wrong or (bar and field in ALWAYS) or "{" in instead:
        raise InvalidInput("text", f"unknown placeholder {{{name}}}")
    return field, instead.strip() if bar else None


def _for(piece: Piece, customer: Customer) -> str:
    if piece.field in FIELDS:
        value = FIELDS[piece.field].value(customer) or piece.instead
        if value is None:
            raise MissingField({piece.field: 1})
        return _escaped(value)
    if piece.field == NAME and piece.instead is not None and not has_name(customer):
        return _escaped(piece.instead)
    return f"{{{piece.field}}}" if piece.field else ""


def _longest(piece: Piece) -> str:
    instead = piece.instead or ""
    if piece.field in FIELDS:
        return _escaped(max(FIELDS[piece.field].longest(), instead, key=len))
    if piece.field == NAME:
        return _escaped(max(_LONGEST_NAME, instead, key=len))
    return f"{{{piece.field}}}" if piece.field else ""


def _escaped(words_: str) -> str:
    return words_.replace("{", "{{").replace("}", "}}")
