"""What comes of one record that another system or a file hands in: made, changed, as it was, or refused and why."""

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


class Reason(StrEnum):
    """Why a record, or one value of it, is refused. Each has its sentence in data/imports/reasons.yml."""

    MISSING = "missing"
    TOO_LONG = "too_long"
    PHONE = "phone"
    EMAIL = "email"
    DATE = "date"
    FUTURE = "future"
    NUMBER = "number"
    MONEY = "money"
    CHOICE = "choice"
    NO_KEY = "no_key"
    SHARED_PHONE = "shared_phone"
    UNKNOWN_CUSTOMER = "unknown_customer"
    UNKNOWN_PRODUCT = "unknown_product"
    NO_ITEMS = "no_items"
    CODE_TAKEN = "code_taken"
    REPEATED_ORDER = "repeated_order"
    DIFFERS_WITHIN_ORDER = "differs_within_order"


@dataclass(frozen=True)
class Problem:
    """`field` as the record names it; `value` as it was given."""

    field: str
    reason: Reason
    value: str = ""


@dataclass(frozen=True)
class Result:
    """What came of one record. `id`: the row's number; None where it was refused or not written."""

    outcome: Outcome
    id: int | None = None
    problems: tuple[Problem, ...] = ()

    @classmethod
    def refused(cls, field: str, reason: Reason, value: str = "") -> "Result":
        return cls(Outcome.REFUSED, problems=(Problem(field, reason, value),))
