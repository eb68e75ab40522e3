"""Changes of a customer's record by people: checked, compared with the version they saw, written down, undone."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

from sqlalchemy import CursorResult, select, update
from sqlalchemy.orm import Session

from crm import audit, clock, customers, text
from crm.errors import InvalidInput, TrianError
from crm.models.people import Address, CalendarKind, Customer, CustomerKind, Stage, Tier
from crm.models.privacy import CustomerEdit
from crm.models.staff import Staff

Value = Any  # what JSON holds: a text, None, or for a birthday {"calendar", "day", "month", "year", "leap"}
BIRTHDAY = "birthday"


class EditedMeanwhile(TrianError):
    """Somebody else changed the record since it was read; nothing was written."""


class NothingToUndo(TrianError):
    """The last change was undone already, or what it wrote has been changed since."""


def change(
    session: Session, customer_id: int, wanted: Mapping[str, Value], version: int, staff: Staff | None
) -> CustomerEdit | None:
    """Writes the fields of `wanted` that differ, and one line that says from what to what.

    Args:
        wanted: by field (FIELDS); an empty text or None empties it.
        version: of the record as the person saw it.

    Returns:
        The line, None when nothing differs.

    Raises:
        EditedMeanwhile: it is another version by now.
        InvalidInput: a value cannot be; `field` names it, and nothing is written.
    """
    customer = _take(session, customer_id, version)
    changes = {}
    for field, value in wanted.items():
        before = _read(session, customer, field)
        _write(session, customer, field, value)
        session.flush()
        after = _read(session, customer, field)
        if after != before:
            changes[field] = [before, after]
    return _note(session, customer, changes, staff)


def undo(session: Session, customer_id: int, version: int, staff: Staff) -> CustomerEdit:
    """Takes the last change back. Raises EditedMeanwhile, NothingToUndo."""
    customer = _take(session, customer_id, version)
    last = latest(session, customer_id)
    if last is None or any(_read(session, customer, field) != after for field, (_, after) in last.changes.items()):
        raise NothingToUndo(f"customer {customer_id}")
    for field, (before, _after) in last.changes.items():
        _write(session, customer, field, before)
    last.undone_at = clock.now()
    audit.record(session, staff, "customer_undo", "customer", customer_id, fields=sorted(last.changes))
    session.flush()
    return last


def latest(session: Session, customer_id: int) -> CustomerEdit | None:
    """The change that could be undone: the newest, unless it was undone."""
    newest = select(CustomerEdit).where(CustomerEdit.customer_id == customer_id).order_by(CustomerEdit.id.desc())
    edit = session.scalar(newest.limit(1))
    return edit if edit is not None and edit.undone_at is None else None


def history(session: Session, customer_id: int, limit: int = 20) -> list[tuple[CustomerEdit, str]]:
    """The newest changes with the name of whoever made each; an empty name for the customer's own."""
    mine = select(CustomerEdit, Staff.name).outerjoin(Staff, Staff.id == CustomerEdit.staff_id)
    rows = session.execute(mine.where(CustomerEdit.customer_id == customer_id).order_by(CustomerEdit.id.desc()))
    return [(edit, name or "") for edit, name in rows.fetchmany(limit)]


def values(session: Session, customer: Customer) -> dict[str, Value]:
    """Every field that can be changed, as JSON values."""
    return {field: _read(session, customer, field) for field in (*FIELDS, BIRTHDAY)}


def touch(session: Session, customer: Customer) -> None:
    """Counts a change made elsewhere, so that a form opened before it is told. Locks the row."""
    session.flush()
    session.refresh(customer, with_for_update=True)
    customer.version += 1


def write(session: Session, customer: Customer, fields: Mapping[str, Value]) -> None:
    """Writes fields without a line of their own: for changes that are written down otherwise (a merge)."""
    for field, value in fields.items():
        _write(session, customer, field, value)


def _take(session: Session, customer_id: int, version: int) -> Customer:
    """Compare-and-set: of two who read the same version one passes, and holds the row until the transaction ends."""
    seen = (Customer.id == customer_id, Customer.version == version, Customer.gone_at.is_(None))
    passed: Any = session.execute(update(Customer).where(*seen).values(version=version + 1))
    counted: CursorResult[Any] = passed
    customer = customers.get(session, customer_id)
    if not counted.rowcount:
        raise EditedMeanwhile(f"customer {customer_id} is no longer version {version}")
    session.refresh(customer)
    return customer


def _note(session: Session, customer: Customer, changes: dict[str, Any], staff: Staff | None) -> CustomerEdit | None:
    if not changes:
        return None
    edit = CustomerEdit(customer_id=customer.id, staff_id=staff.id if staff else None, changes=changes, at=clock.now())
    session.add(edit)
    # The values stand in the line above, which an erasure reaches; the audit log is never rewritten.
    audit.record(session, staff, "customer_edit", "customer", customer.id, fields=sorted(changes))
    session.flush()
    return edit


def _read(session: Session, customer: Customer, field: str) -> Value:
    if field != BIRTHDAY:
        value = getattr(customer, field)
        return value.value if isinstance(value, StrEnum) else value
    day = customers.birthday_of(session, customer.id)
    if day is None:
        return None
    return {
        "calendar": day.calendar.value,
        "day": day.day,
        "month": day.month,
        "year": day.year,
        "leap": day.leap_month,
    }


def _write(session: Session, customer: Customer, field: str, value: Value) -> None:
    if field == BIRTHDAY:
        _write_birthday(session, customer, value)
    elif field in FIELDS:
        FIELDS[field](customer, field, value)
    else:
        raise InvalidInput(field, "no such field")


def _write_birthday(session: Session, customer: Customer, value: Value) -> None:
    if not value:
        day = customers.birthday_of(session, customer.id)
        if day is not None:
            session.delete(day)
            session.flush()
        return
    calendar = CalendarKind(value["calendar"])
    day = customers.set_birthday(session, customer, calendar, value["day"], value["month"], value.get("year"))
    day.leap_month = bool(value.get("leap", False)) and calendar is CalendarKind.LUNAR


def _name(customer: Customer, _field: str, value: Value) -> None:
    customers.rename(customer, value or "")


def _phone(customer: Customer, _field: str, value: Value) -> None:
    if value and value.strip():
        customers.set_phone(customer, value)
    else:
        customer.phone = None


def _email(customer: Customer, _field: str, value: Value) -> None:
    if value and value.strip():
        customers.set_email(customer, value)
    else:
        customer.email = None


def _words(longest: int) -> Callable[[Customer, str, Value], None]:
    def write(customer: Customer, field: str, value: Value) -> None:
        said = text.clean(value or "").strip()
        if len(said) > longest:
            raise InvalidInput(field, f"at most {longest} characters")
        setattr(customer, field, said or None)

    return write


def _one_of(kind: type[StrEnum]) -> Callable[[Customer, str, Value], None]:
    def write(customer: Customer, field: str, value: Value) -> None:
        try:
            setattr(customer, field, kind(value))
        except ValueError as error:
            raise InvalidInput(field, f"one of {', '.join(kind)}") from error

    return write


FIELDS: dict[str, Callable[[Customer, str, Value], None]] = {
    "name": _name,
    "address": _one_of(Address),
    "kind": _one_of(CustomerKind),
    "stage": _one_of(Stage),
    "tier": _one_of(Tier),
    "phone": _phone,
    "email": _email,
    "occupation": _words(200),
    "household": _words(200),
    "means": _words(200),
    "habits": _words(2000),
}
