"""Complaints as a list: filtered, searched without accents, paged by key, those whose clock runs out first on top."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, literal, or_, select
from sqlalchemy.orm import Session, aliased, contains_eager, joinedload

from crm import clock, message_search, text
from crm.case_states import OPEN_STATES
from crm.models.care import Complaint, ComplaintCategory, ComplaintState, Severity
from crm.models.cases import CaseStep, StepState
from crm.models.catalogue import Product
from crm.models.people import Customer

PAGE = 50
MOST_PEOPLE = 100  # more customers than this of one name: the cases are looked through instead
MOST_PRODUCTS = 100
YEARS = 4
_START = datetime(1970, 1, 1, tzinfo=UTC)


class Group(StrEnum):
    """Which states are listed together."""

    OPEN = "open"
    WAITING = "waiting"
    RESOLVED = "resolved"
    CLOSED = "closed"
    ALL = "all"


STATES: dict[Group, tuple[ComplaintState, ...]] = {
    Group.OPEN: OPEN_STATES,
    Group.WAITING: (ComplaintState.WAITING,),
    Group.RESOLVED: (ComplaintState.RESOLVED,),
    Group.CLOSED: (ComplaintState.CLOSED,),
    Group.ALL: tuple(ComplaintState),
}


@dataclass(frozen=True)
class Filter:
    """What is wanted; None: any. `owner_id` 0 is nobody's.

    `words`: a code, a phone number, parts of a customer's or a product's name.
    `begun_numbers`: a phone's beginning finds it; for those alone who see whole numbers (`crm.customer_contact`).
    """

    group: Group = Group.OPEN
    owner_id: int | None = None
    severity: Severity | None = None
    category: ComplaintCategory | None = None
    partner_id: int | None = None
    overdue: bool = False
    words: str = ""
    begun_numbers: bool = False


@dataclass(frozen=True)
class Page:
    """`next`: the key of the page behind this one, None on the last."""

    rows: list[Complaint]
    next: str | None


@dataclass(frozen=True)
class Counts:
    """Of the cases that are open: how many, and of them one person's, nobody's, those waiting and those overdue."""

    open: int
    mine: int
    nobodys: int
    waiting: int
    overdue: int


def page(session: Session, wanted: Filter, after: str = "") -> Page:
    """One page from behind the key `after`: open cases by the clock nearest to running out, settled ones newest first.

    An unreadable key is as good as none. Every row comes with its customer and product.
    """
    by_clock = wanted.group is Group.OPEN and not wanted.words.strip()
    rows = _by_clock(session, wanted, after) if by_clock else _by_age(session, wanted, after)
    if len(rows) <= PAGE:
        return Page(rows, None)
    return Page(rows[:PAGE], _key(rows[PAGE - 1], by_clock))


def nearest(session: Session, limit: int) -> list[Complaint]:
    """The open cases whose clock runs out first."""
    running = _matching(session, Filter()).where(Complaint.due_at.is_not(None))
    return list(session.scalars(running.order_by(Complaint.due_at, Complaint.id).limit(limit)))


def _by_clock(session: Session, wanted: Filter, after: str) -> list[Complaint]:
    """First those with a clock that runs, by its end; then the others, by age."""
    due, number = _read(after)
    rows: list[Complaint] = []
    if due is not None:
        beyond = or_(Complaint.due_at > due, and_(Complaint.due_at == due, Complaint.id > number))
        running = _matching(session, wanted).where(Complaint.due_at >= due, beyond)
        rows = list(session.scalars(running.order_by(Complaint.due_at, Complaint.id).limit(PAGE + 1)))
        number = 0
    if len(rows) <= PAGE and not wanted.overdue:
        resting = _matching(session, wanted).where(Complaint.due_at.is_(None), Complaint.id > number)
        rows += session.scalars(resting.order_by(Complaint.id).limit(PAGE + 1 - len(rows)))
    return rows


def _by_age(session: Session, wanted: Filter, after: str) -> list[Complaint]:
    _due, number = _read(after)
    found = _matching(session, wanted)
    if number:
        found = found.where(Complaint.id < number)
    return list(session.scalars(found.order_by(Complaint.id.desc()).limit(PAGE + 1)))


def _key(row: Complaint, by_clock: bool) -> str:
    return f"{row.due_at.timestamp():.6f}~{row.id}" if by_clock and row.due_at is not None else f"~{row.id}"


def _read(key: str) -> tuple[datetime | None, int]:
    """The moment and the number that a key stands for; from the beginning for one that says nothing."""
    moment, _, number = key.partition("~")
    try:
        return (datetime.fromtimestamp(float(moment), UTC) if moment else None), int(number)
    except (ValueError, OverflowError, OSError):
        return _START, 0


def _matching(session: Session, wanted: Filter) -> Select[Complaint]:
    found = select(Complaint).join(Complaint.customer)
    found = found.options(contains_eager(Complaint.customer), joinedload(Complaint.product))
    return found.where(*_conditions(session, wanted))


def _conditions(session: Session, wanted: Filter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.group is not Group.ALL:
        conditions.append(Complaint.state.in_(STATES[wanted.group]))
    if wanted.owner_id is not None:
        conditions.append(Complaint.owner_id == wanted.owner_id if wanted.owner_id else Complaint.owner_id.is_(None))
    for column, value in ((Complaint.severity, wanted.severity), (Complaint.category, wanted.category)):
        if value is not None:
            conditions.append(column == value)
    if wanted.partner_id is not None:
        conditions.append(Complaint.id.in_(_with_partner(wanted.partner_id)))
    if wanted.overdue:
        conditions.append(Complaint.due_at < clock.now())
    return conditions + _said(session, wanted.words, begun_numbers=wanted.begun_numbers)


def _with_partner(partner_id: int) -> Select[int]:
    """The cases with an open step of the partner: a case that was merged is worked on in the one that was kept."""
    told = aliased(Complaint)
    theirs = select(func.coalesce(told.merged_into_id, told.id)).join(CaseStep, CaseStep.complaint_id == told.id)
    return theirs.where(CaseStep.partner_id == partner_id, CaseStep.state == StepState.OPEN)


def _said(session: Session, words: str, *, begun_numbers: bool) -> list[ColumnElement[bool]]:
    """A code, a bare number of one, a phone number (or its beginning), or all the words in one name, whose ever."""
    folded = text.fold(words)[:100]
    bare = folded.replace(" ", "").replace(".", "")
    if not bare:
        return []
    if bare.startswith("kn"):
        return [Complaint.code.startswith(folded.replace(" ", "-").upper(), autoescape=True)]
    asked = bare if bare.isdecimal() else folded
    people = message_search.people(session, asked, MOST_PEOPLE, begun_numbers=begun_numbers)
    found = [customer.id for customer in people]
    if bare.isdecimal():
        coded = list(session.scalars(select(Complaint.id).where(Complaint.code.in_(_codes(bare)))))
        theirs = Customer.phone.startswith(bare, autoescape=True) if begun_numbers else Customer.phone == bare
        if len(found) < MOST_PEOPLE:
            theirs = Complaint.customer_id.in_(found)
        return [or_(Complaint.id.in_(coded), theirs) if coded else theirs]
    named = and_(*(Customer.name_folded.contains(word, autoescape=True) for word in folded.split()))
    theirs = Complaint.customer_id.in_(found) if len(found) < MOST_PEOPLE else named
    products = _products(session, folded.split())
    return [or_(theirs, Complaint.product_id.in_(products)) if products else theirs]


def _products(session: Session, words: list[str]) -> list[int]:
    """The products with all of `words` in their name, whole: who looks for Lan does not mean every máy lạnh.

    Read first, so that their cases are found by an index.
    """
    name = literal(" ").concat(Product.name_folded).concat(" ")
    named = (name.contains(f" {word} ", autoescape=True) for word in words)
    return list(session.scalars(select(Product.id).where(*named).order_by(Product.id).limit(MOST_PRODUCTS)))


def _codes(digits: str) -> list[str]:
    """The codes of the last years that a bare number stands for; none for one that is too long to be a code's."""
    this_year = clock.now().year
    return [f"KN-{this_year - ago}-{digits.zfill(6)}" for ago in range(YEARS)] if len(digits) <= 6 else []


def counts(session: Session, staff_id: int) -> Counts:
    """What stands over the list, for one person."""
    moment = clock.now()
    numbers = select(
        func.count(),
        _count_if(Complaint.owner_id == staff_id),
        _count_if(Complaint.owner_id.is_(None)),
        _count_if(Complaint.state == ComplaintState.WAITING),
        _count_if(Complaint.due_at < moment),
    ).where(Complaint.state.in_(OPEN_STATES))
    return Counts(*(int(number) for number in session.execute(numbers).one()))


def _count_if(condition: ColumnElement[bool]) -> ColumnElement[Any]:
    return func.count().filter(condition)
