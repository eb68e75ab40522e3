"""Customers as another system or a file knows them: found by its key or by phone, made or brought up to date."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields, replace

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

    Found by `external_id` (that of a record merged away leads to the kept one, which keeps its own), else by a phone
    that one customer alone has. A phone that belongs to another key of the same system is another person's (families
    share one). Nobody's consent is changed here: it is the customer's word.
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
    swapped = _take_key(session, customer, record.external_id) if record.external_id else False
    changed = _fill(session, customer, record, _birthdays(session, [customer.id]).get(customer.id))
    if swapped and not changed:
        customer.version += 1
    session.flush()
    return changed or swapped


def _take_key(session: Session, customer: Customer, key: str) -> bool:
    """Whether the key was a merged-away record's: they have swapped keys then. Raises InvalidInput: another's."""
    taken = select(Customer).where(Customer.external_id == key, Customer.id != customer.id)
    other = session.scalar(taken.with_for_update())
    if other is None:
        return False
    if customers.merged_keys(session, [key]).get(key) != customer.id:
        raise InvalidInput("external_id", "another customer has it")
    other.external_id = None
    session.flush()
    other.external_id, customer.external_id = customer.external_id, None
    session.flush()
    customer.external_id = key
    return True


def meant(session: Session, records: Sequence[CustomerRecord]) -> set[int]:
    """The numbers of all customers whom the records may mean."""
    keys = {record.external_id for record in records if record.external_id}
    phones = {record.phone for record in records if record.phone}
    here = select(Customer.id).where(Customer.gone_at.is_(None))
    found = set(session.scalars(here.where(Customer.external_id.in_(keys)))) if keys else set()
    found |= set(session.scalars(here.where(Customer.phone.in_(phones)))) if phones else set()
    return found | set(customers.merged_keys(session, keys).values())


def states(session: Session, ids: Collection[int]) -> dict[int, CustomerRecord]:
    """What a record could say of each of these customers, by number."""
    birthdays = _birthdays(session, ids)
    found = session.scalars(select(Customer).where(Customer.id.in_(ids)))
    return {each.id: _state(each, birthdays.get(each.id)) for each in found}


def put(session: Session, stated: Sequence[tuple[int | None, CustomerRecord]]) -> list[int | None]:
    """Makes customers what `states` said of them; None for a number: somebody who is not there yet, by their key.

    For a dry run, which takes it back. Returns their numbers; None for somebody who is gone meanwhile.
    """
    here = select(Customer).where(Customer.gone_at.is_(None)).with_for_update()
    ids = {number for number, _ in stated if number is not None}
    by_id = {each.id: each for each in session.scalars(here.where(Customer.id.in_(ids)))}
    keys = {record.external_id for number, record in stated if number is None and record.external_id}
    by_key = {each.external_id: each for each in session.scalars(here.where(Customer.external_id.in_(keys)))}
    birthdays = _birthdays(session, {*ids, *(each.id for each in by_key.values())})
    found = []
    for number, record in stated:
        customer = by_key.get(record.external_id) if number is None else by_id.get(number)
        if customer is None and number is None:
            customer = Customer(created_at=clock.now())
            session.add(customer)
        found.append(customer)
        if customer is not None:
            _fill(session, customer, record, birthdays.get(customer.id))
    session.flush()
    for customer, (number, record) in zip(found, stated, strict=True):
        if customer is not None and number is None and record.birthday is not None:
            _set_birthday(session, customer, record.birthday)
    session.flush()
    return [customer.id if customer is not None else None for customer in found]


def _state(customer: Customer, birthday: Occasion | None) -> CustomerRecord:
    plain = {name: getattr(customer, name) for name in _PLAIN}
    solar = birthday is not None and birthday.calendar is CalendarKind.SOLAR
    born = Birthday(birthday.day, birthday.month, birthday.year) if birthday is not None and solar else None
    return CustomerRecord(name=customer.name, birthday=born, **plain)


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
    if record.external_id in known.merged:
        record = replace(record, external_id=None)
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
        if name == "email" and value is not None:
            value = value.lower()  # as searched and compared
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
        self.merged = customers.merged_keys(session, keys)
        found += list(session.scalars(here.where(Customer.id.in_(self.merged.values())))) if self.merged else []
        for customer in found:
            self.add(customer)
        by_id = {customer.id: customer for customer in found}
        self._by_key |= {key: by_id[end] for key, end in self.merged.items() if end in by_id}
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
