"""Customers as another system or a file knows them: found by its key or by phone, made or brought up to date."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from crm import clock, customers
from crm.errors import InvalidInput
from crm.models.people import Address, CalendarKind, Customer, CustomerKind, Occasion, OccasionKind, Stage, Tier
from crm.records import Outcome, Reason, Result

# Whether an address exists only a mail to it can tell: this catches what was typed into the wrong column.
EMAIL = r"^[^@\s]+@[^@\s]+\.[^@\s]+$"


@dataclass(frozen=True)
class Birthday:
    """A day in the solar calendar; without a year where it is not known."""

    day: int
    month: int
    year: int | None = None


@dataclass(frozen=True)
class CustomerRecord:
    """One customer. None: the other system says nothing of it, and what is there stays.

    `phone` as 0xxxxxxxxx. Every value is within its column's length: whoever builds a record has checked it.
    """

    external_id: str | None = None
    name: str | None = None
    phone: str | None = None
    email: str | None = None
    address: Address | None = None
    kind: CustomerKind | None = None
    stage: Stage | None = None
    tier: Tier | None = None
    occupation: str | None = None
    birthday: Birthday | None = None


_PLAIN = tuple(each.name for each in fields(CustomerRecord) if each.name not in ("name", "birthday"))


def upsert(session: Session, records: Sequence[CustomerRecord]) -> list[Result]:
    """Writes the records in a few queries for all of them; the same ones again change nothing.

    Found by `external_id`, else by a phone that one customer alone has. A phone that belongs to another key of the
    same system is another person's (families share one). Nobody's consent is changed here: it is the customer's word.
    """
    try:
        with session.begin_nested():
            return _upsert(session, records)
    except IntegrityError:
        # Another transaction wrote the same key at the same moment; by now it is there to be found.
        session.expire_all()
        return _upsert(session, records)


def change(session: Session, customer: Customer, record: CustomerRecord) -> bool:
    """Writes what `record` says into a customer whom the caller has locked; whether anything is different now.

    Raises InvalidInput: the key is another customer's.
    """
    taken = select(Customer.id).where(Customer.external_id == record.external_id, Customer.id != customer.id)
    if record.external_id and session.scalar(taken) is not None:
        raise InvalidInput("external_id", "another customer has it")
    changed = _fill(session, customer, record, _birthdays(session, [customer.id]).get(customer.id))
    session.flush()
    return changed


def _upsert(session: Session, records: Sequence[CustomerRecord]) -> list[Result]:
    known = _Known(session, records)
    written = [_write(session, known, record) for record in records]
    session.flush()
    return [Result(outcome, found.id) if found is not None else refusal for outcome, found, refusal in written]


def _write(session: Session, known: "_Known", record: CustomerRecord) -> tuple[Outcome, Customer | None, Result]:
    found = known.find(record)
    if isinstance(found, Result):
        return Outcome.REFUSED, None, found
    if found is None and not record.name:
        return Outcome.REFUSED, None, Result.refused("name", Reason.MISSING)
    if found is None:
        found = Customer(created_at=clock.now())
        _fill(session, found, record, None)
        session.add(found)
        known.add(found)
        if record.birthday is not None:
            session.flush()  # the birthday's row needs the number
            _set_birthday(session, found, record.birthday)
        return Outcome.CREATED, found, Result(Outcome.CREATED)
    changed = _fill(session, found, record, known.birthdays.get(found.id))
    known.add(found)
    return (Outcome.UPDATED if changed else Outcome.UNCHANGED), found, Result(Outcome.UNCHANGED)


def _fill(session: Session, customer: Customer, record: CustomerRecord, birthday: Occasion | None) -> bool:
    changed = False
    if record.name is not None:
        before = customer.name
        customers.rename(customer, record.name)
        changed = customer.name != before
    for name in _PLAIN:
        value = getattr(record, name)
        if value is not None and value != getattr(customer, name):
            setattr(customer, name, value)
            changed = True
    if record.birthday is not None and customer.id is not None and not _is(birthday, record.birthday):
        _set_birthday(session, customer, record.birthday)
        changed = True
    if changed and customer.id is not None:
        customer.version += 1  # whoever has the record open in the console is told
    return changed


def _is(occasion: Occasion | None, birthday: Birthday) -> bool:
    if occasion is None or (occasion.day, occasion.month) != (birthday.day, birthday.month):
        return False
    return occasion.calendar is CalendarKind.SOLAR and birthday.year in (None, occasion.year)


def _set_birthday(session: Session, customer: Customer, birthday: Birthday) -> None:
    customers.set_birthday(session, customer, CalendarKind.SOLAR, birthday.day, birthday.month, birthday.year)


class _Known:
    """The customers that a batch may mean, locked so that nobody else changes them meanwhile."""

    def __init__(self, session: Session, records: Sequence[CustomerRecord]) -> None:
        self._by_key: dict[str, Customer] = {}
        self._by_phone: defaultdict[str, list[Customer]] = defaultdict(list)
        keys = {record.external_id for record in records if record.external_id}
        phones = {record.phone for record in records if record.phone}
        here = select(Customer).where(Customer.gone_at.is_(None)).order_by(Customer.id).with_for_update()
        found = list(session.scalars(here.where(Customer.external_id.in_(keys)))) if keys else []
        found += list(session.scalars(here.where(Customer.phone.in_(phones)))) if phones else []
        for customer in found:
            self.add(customer)
        self.birthdays = _birthdays(session, {customer.id for customer in found})

    def find(self, record: CustomerRecord) -> Customer | Result | None:
        """Whom the record means, None for somebody new, or why that cannot be said."""
        if record.external_id and (mine := self._by_key.get(record.external_id)) is not None:
            return mine
        if not record.phone:
            return None if record.external_id else Result.refused("external_id", Reason.NO_KEY)
        same = [each for each in self._by_phone[record.phone] if not (record.external_id and each.external_id)]
        if len(same) > 1:
            return Result.refused("phone", Reason.SHARED_PHONE, record.phone)
        return same[0] if same else None

    def add(self, customer: Customer) -> None:
        """Later records of the batch find it too."""
        if customer.external_id:
            self._by_key[customer.external_id] = customer
        if customer.phone and customer not in self._by_phone[customer.phone]:
            self._by_phone[customer.phone].append(customer)


def _birthdays(session: Session, ids: Iterable[int]) -> dict[int, Occasion]:
    mine = select(Occasion).where(Occasion.customer_id.in_(ids), Occasion.kind == OccasionKind.BIRTHDAY)
    return {occasion.customer_id: occasion for occasion in session.scalars(mine)}
