"""The list of customers: searched without accents, narrowed down, one page after the other by name."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from crm import text
from crm.models.people import Consent, Customer, Purpose, Stage, Tier

PAGE = 50
Key = tuple[str, int]


@dataclass(frozen=True)
class Filter:
    """None and an empty text narrow nothing down. `agreed`: to the purpose, by the newest line of the ledger.

    `begun_numbers`: a phone's beginning finds it; for those alone who see whole numbers (`crm.customer_contact`).
    """

    words: str = ""
    tier: Tier | None = None
    stage: Stage | None = None
    agreed: Purpose | None = None
    begun_numbers: bool = False


@dataclass(frozen=True)
class Page:
    """`next`: what the page after this one is asked for with; None on the last one."""

    rows: list[Customer]
    next: Key | None


def page(session: Session, wanted: Filter, after: Key | None = None, limit: int = PAGE) -> Page:
    """The customers of `wanted` beyond `after`, by name. Whoever was erased or merged away is none."""
    rows = select(Customer).where(Customer.gone_at.is_(None), *_conditions(wanted))
    if after is not None:
        name, number = after
        beyond = and_(Customer.name_folded == name, Customer.id > number)
        rows = rows.where(Customer.name_folded >= name, or_(Customer.name_folded > name, beyond))
    found = list(session.scalars(rows.order_by(Customer.name_folded, Customer.id).limit(limit + 1)))
    last = found[limit - 1] if len(found) > limit else None
    return Page(found[:limit], (last.name_folded, last.id) if last is not None else None)


def _conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    narrowed = [matches(wanted.words, begun_numbers=wanted.begun_numbers)]
    if wanted.tier is not None:
        narrowed.append(Customer.tier == wanted.tier)
    if wanted.stage is not None:
        narrowed.append(Customer.stage == wanted.stage)
    if wanted.agreed is not None:
        narrowed.append(_agreed(wanted.agreed))
    return narrowed


def matches(words: str, *, begun_numbers: bool) -> ColumnElement[bool]:
    """Whose name holds all of `words`, or whose phone (its beginning, where `begun_numbers`) or e-mail it is."""
    folded = text.fold(words).strip()
    digits = "".join(sign for sign in folded if sign not in " .-()")
    if digits.removeprefix("+").isdigit():
        national = "0" + digits.removeprefix("+84") if digits.startswith("+84") else digits
        return Customer.phone.startswith(national, autoescape=True) if begun_numbers else Customer.phone == national
    if "@" in folded:
        return Customer.email == folded
    return and_(*(Customer.name_folded.contains(word, autoescape=True) for word in folded.split()), Customer.id > 0)


def _agreed(purpose: Purpose) -> ColumnElement[bool]:
    newest = aliased(Consent)
    last: Any = select(func.max(newest.id)).where(newest.customer_id == Customer.id, newest.purpose == purpose)
    return exists().where(Consent.id == last.scalar_subquery(), Consent.granted.is_(True))
