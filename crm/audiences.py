"""Whom a broadcast is for, and how many of them it would reach."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, case, func, select, true
from sqlalchemy.orm import Session

from crm import personal_fields, reach
from crm.contact_policy import Refusal
from crm.errors import InvalidInput
from crm.models.people import Customer, Purpose, Tier
from crm.settings import settings

Audience = dict[str, Any]
EVERYBODY: Audience = {"kind": "all"}


@dataclass(frozen=True)
class Estimate:
    """How many would be written to if it went out now, and how many would be left out, by reason."""

    reach: int
    left_out: dict[Refusal, int]

    @property
    def total(self) -> int:
        """Everybody in the audience."""
        return self.reach + sum(self.left_out.values())


def tier(which: Tier) -> Audience:
    """The customers of one tier."""
    return {"kind": "tier", "tier": which.value}


def person(customer_id: int) -> Audience:
    """One customer, to try a broadcast on."""
    return {"kind": "person", "customer_id": customer_id}


def holds(audience: Audience) -> ColumnElement[bool]:
    """Which rows of `customers` belong to the audience. Raises InvalidInput for one that cannot be understood."""
    match audience:
        case {"kind": "all", **rest} if not rest:
            return true()
        case {"kind": "tier", "tier": str(which), **rest} if not rest and which in list(Tier):
            return Customer.tier == Tier(which)
        case {"kind": "person", "customer_id": int(customer_id), **rest} if not rest:
            return Customer.id == customer_id
    raise InvalidInput("audience", "all, a tier or a person")


def refusal() -> ColumnElement[Any]:
    """Why a row of `customers` gets no advertising from this bot; NULL when it may."""
    return reach.refusal(Purpose.MARKETING, settings().bot_id)


def estimate(session: Session, audience: Audience) -> Estimate:
    """Counts the audience by who may be written to, in one query. Raises InvalidInput."""
    among = holds(audience)
    if audience["kind"] == "person":
        why = select(refusal().label("why")).select_from(Customer).where(among).subquery()
        counted = select(why.c.why, func.count()).group_by(why.c.why)
    else:
        counted = reach.counts(Purpose.MARKETING, settings().bot_id, among)
    reached, left_out = 0, {}
    for reason, count in session.execute(counted):
        if reason is None:
            reached = count
        else:
            left_out[Refusal(reason)] = count
    return Estimate(reached, left_out)


def lacking(session: Session, audience: Audience, body: str) -> dict[str, int]:
    """How many of those who would be written to lack each field that `body` needs; one query. Raises InvalidInput."""
    fields = personal_fields.needed(body)
    if not fields:
        return {}
    counts = [func.count(case((personal_fields.FIELDS[field].lacking(), 1))) for field in fields]
    reached = select(*counts).select_from(Customer).where(holds(audience), refusal().is_(None))
    return {field: count for field, count in zip(fields, session.execute(reached).one(), strict=True) if count}


def nameless(session: Session, audience: Audience) -> int:
    """How many of those who would be written to have no name: they are called by the form of address alone."""
    reached = select(func.count()).select_from(Customer).where(holds(audience), refusal().is_(None))
    return session.scalar(reached.where(Customer.name_folded == "")) or 0
