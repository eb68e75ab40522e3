"""Two records of one person become one: everything moves to the record that is kept, in one transaction.

Where both have what can be there only once (a greeting of the same day, a birthday), the kept record's stays and the
other's is set aside. Consents are one ledger afterwards; a refusal on either side holds. Within a day all of it can be
taken back, but for a refusal, which stays with both, and the second of two like messages, which stays unsent.
"""

from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Column, Date, Table, UniqueConstraint, and_, delete, insert, inspect, select, update
from sqlalchemy.orm import Session

from crm import audit, campaign_recipients, clock, consents, customer_edits, customers, duplicates, greetings
from crm.customer_edits import EditedMeanwhile
from crm.errors import IllegalTransition, InvalidInput, NotFound
from crm.models import Base
from crm.models.base import UtcDateTime
from crm.models.people import Customer, Occasion, Purpose, Stage, Tier
from crm.models.privacy import CustomerMerge, PairState
from crm.models.staff import Staff
from crm.personal_data_map import chunks, direct_links

UNDO_FOR = timedelta(days=1)
_ASIDE = frozenset({"customer_merges", "duplicate_pairs", "occasions"})  # moved by their own rules, or not at all
_KEY = "external_id"
CHOOSABLE = (*customer_edits.FIELDS, customer_edits.BIRTHDAY)


def merge(
    session: Session, kept_id: int, gone_id: int, staff: Staff, *, versions: tuple[int, int], take: set[str]
) -> CustomerMerge:
    """Takes `gone_id` into `kept_id`.

    Args:
        versions: of the two records (kept, gone) as the person saw them.
        take: the fields (CHOOSABLE) whose value comes from the one that goes; what the kept one lacks comes anyway.

    Raises:
        EditedMeanwhile: one of them was changed since.
        InvalidInput: they are the same record.
        NotFound: one of them does not exist any more.
    """
    if kept_id == gone_id:
        raise InvalidInput("customer", "a record cannot be merged with itself")
    kept, gone = _take(session, kept_id, gone_id, versions)
    before = {"kept": _fields(session, kept), "gone": _fields(session, gone)}
    refused = [p for p in Purpose if _refused(session, kept.id, p) or _refused(session, gone.id, p)]
    moved, dropped = _move_rows(session, kept.id, gone.id)
    _write_fields(session, kept, gone, before, take)
    merged = _note(session, kept, gone, staff, before | {"after": _fields(session, kept)}, moved, dropped)
    _refuse(session, kept, refused)
    duplicates.settle(session, kept.id, gone.id, PairState.MERGED, staff)
    audit.record(session, staff, "customer_merge", "customer", kept.id, gone=gone.id)
    session.flush()
    return merged


def undo(session: Session, merge_id: int, staff: Staff) -> CustomerMerge:
    """Takes a merge back; what somebody changed since stays with the kept record.

    Raises NotFound, IllegalTransition: it is too late, or it was taken back already.
    """
    merged = session.get(CustomerMerge, merge_id, with_for_update=True, populate_existing=True)
    if merged is None:
        raise NotFound(f"merge {merge_id}")
    if merged.undone_at is not None or clock.now() > merged.at + UNDO_FOR:
        raise IllegalTransition(f"merge {merge_id} cannot be taken back any more")
    kept, gone = customers.get(session, merged.kept_id), customers.get(session, merged.gone_id)
    if kept.gone_at is not None or _later(session, merged) is not None:
        raise IllegalTransition(f"merge {merge_id}: the record went on to another one")
    customer_edits.touch(session, kept)
    gone.gone_at, gone.merged_into_id = None, None
    refused = [purpose for purpose in Purpose if _refused(session, kept.id, purpose)]
    _move_back(session, merged)
    now, after = _fields(session, kept), merged.before.get("after", {})
    edited = {name: value for name, value in now.items() if value != after.get(name, value)}
    _write_keys(session, kept, gone, merged.before)
    _restore(session, kept, merged.before["kept"] | edited)
    _restore(session, gone, merged.before["gone"])
    _refuse(session, gone, refused)  # said in either's chat since: nobody can tell in whose name
    merged.undone_at = clock.now()
    duplicates.settle(session, kept.id, gone.id, PairState.OPEN, staff)
    audit.record(session, staff, "customer_unmerge", "customer", kept.id, gone=gone.id)
    session.flush()
    return merged


def latest(session: Session, customer_id: int) -> CustomerMerge | None:
    """The merge into this customer that can still be taken back."""
    young = (CustomerMerge.at > clock.now() - UNDO_FOR, CustomerMerge.undone_at.is_(None))
    mine = select(CustomerMerge).where(CustomerMerge.kept_id == customer_id, *young)
    return session.scalar(mine.order_by(CustomerMerge.id.desc()).limit(1))


def sweep(session: Session) -> int:
    """Moves on what was written to a record while it was being merged away (a turn under way); how many rows."""
    young = (CustomerMerge.at > clock.now() - UNDO_FOR, CustomerMerge.undone_at.is_(None))
    count = 0
    for merged in session.scalars(select(CustomerMerge).where(*young).order_by(CustomerMerge.id)):
        moved, _ = _move_rows(session, merged.kept_id, merged.gone_id)
        count += sum(len(ids) for columns in moved.values() for ids in columns.values())
    return count


def _take(session: Session, kept_id: int, gone_id: int, versions: tuple[int, int]) -> tuple[Customer, Customer]:
    """Both rows, locked in the order of their numbers, so that two merges the other way round cannot block."""
    found = {}
    for number in sorted((kept_id, gone_id)):
        customer = customers.get(session, number)
        session.flush()
        session.refresh(customer, with_for_update=True)
        if customer.gone_at is not None:
            raise NotFound(f"customer {number} is gone")
        found[number] = customer
    kept, gone = found[kept_id], found[gone_id]
    if (kept.version, gone.version) != versions:
        raise EditedMeanwhile(f"customers {kept_id}, {gone_id}")
    return kept, gone


def _fields(session: Session, customer: Customer) -> dict[str, Any]:
    return {**customer_edits.values(session, customer), _KEY: customer.external_id}


def _refused(session: Session, customer_id: int, purpose: Purpose) -> bool:
    newest = consents.latest(session, customer_id, purpose)
    return newest is not None and not newest.granted


def _refuse(session: Session, customer: Customer, purposes: Collection[Purpose]) -> None:
    """Writes into the customer's ledger that they refuse, where it does not say so yet."""
    for purpose in purposes:
        if consents.granted(session, customer.id, purpose) and purpose is not Purpose.SERVICE:
            consents.record(session, customer.id, purpose, granted=False, channel="merge")


def _move_rows(session: Session, kept: int, gone: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Every row that refers to `gone`; returns the numbers of those moved, and whole rows of those set aside."""
    moved: dict[str, Any] = {}
    dropped: dict[str, Any] = {}
    session.flush()
    campaign_recipients.merge(session, kept, gone)
    greetings.merge(session, kept, gone)
    for table, column in direct_links():
        if table.name in _ASIDE:
            continue
        clashing = _set_aside(session, table, column, kept, gone)
        if clashing:
            dropped[table.name] = clashing
        ids = list(session.scalars(select(_key(table)).where(column == gone)))
        if ids:
            moved.setdefault(table.name, {})[column.name] = ids
            session.execute(update(table).where(column == gone).values({column.name: kept}))
    session.expire_all()
    return moved, dropped


def _set_aside(session: Session, table: Table, column: Column[Any], kept: int, gone: int) -> list[dict[str, Any]]:
    """Takes away the rows of `gone` that could not stand beside one of `kept`."""
    rows: list[dict[str, Any]] = []
    for rule in table.constraints:
        if not isinstance(rule, UniqueConstraint) or column.name not in rule.columns:
            continue
        theirs = table.alias()
        same = [table.c[c.name] == theirs.c[c.name] for c in rule.columns if c.name != column.name]
        clash = select(_key(table)).join(theirs, and_(*same, theirs.c[column.name] == kept)).where(column == gone)
        ids = list(session.scalars(clash))
        if ids and column.nullable:
            session.execute(update(table).where(_key(table).in_(ids)).values({column.name: None}))
            rows += [{"nulled": column.name, "id": number} for number in ids]
        elif ids:
            stored = session.execute(select(table).where(_key(table).in_(ids))).mappings()
            rows += [_stored(table, row) for row in stored]
            session.execute(delete(table).where(_key(table).in_(ids)))
    return rows


def _stored(table: Table, row: Any) -> dict[str, Any]:
    """The row as JSON, by the columns' own types."""
    return {
        column.name: value.isoformat() if hasattr(value := row[column.name], "isoformat") else value
        for column in table.columns
    }


def _key(table: Table) -> Column[Any]:
    key: Column[Any] = next(iter(inspect(table).primary_key.columns))
    return key


def _note(
    session: Session,
    kept: Customer,
    gone: Customer,
    staff: Staff,
    before: dict[str, Any],
    moved: dict[str, Any],
    dropped: dict[str, Any],
) -> CustomerMerge:
    merged = CustomerMerge(
        kept_id=kept.id,
        gone_id=gone.id,
        staff_id=staff.id,
        at=clock.now(),
        before=before,
        moved=moved,
        dropped=dropped,
    )
    session.add(merged)
    session.flush()
    return merged


def _write_fields(session: Session, kept: Customer, gone: Customer, before: dict[str, Any], take: set[str]) -> None:
    mine, theirs = before["kept"], before["gone"]
    _empty(session, gone, kept.id)
    better = {name: theirs[name] for name in CHOOSABLE if name in take or lacks(mine[name], theirs[name])}
    customer_edits.write(session, kept, better)
    if mine[_KEY] is None and theirs[_KEY] is not None:  # else it stays on the shell, where the next sync looks for it
        gone.external_id = None
        session.flush()
        kept.external_id = theirs[_KEY]
    kept.version += 1
    session.flush()


def lacks(mine: Any, theirs: Any) -> bool:
    """Whether the kept record says nothing where the other says something. A customer is one, prospective or not."""
    nothing = (None, "", Tier.NONE.value, Stage.PROSPECTIVE.value, "anh/chị")
    return mine in nothing and theirs not in nothing


def _empty(session: Session, gone: Customer, kept_id: int) -> None:
    session.execute(delete(Occasion).where(Occasion.customer_id == gone.id))
    gone.name = gone.name_folded = ""
    gone.phone = gone.email = None
    gone.occupation = gone.household = gone.means = gone.habits = None
    gone.gone_at, gone.merged_into_id, gone.version = clock.now(), kept_id, gone.version + 1
    session.flush()


def _later(session: Session, merged: CustomerMerge) -> int | None:
    """A merge after this one into the same record: it must be taken back first."""
    later = (CustomerMerge.id > merged.id, CustomerMerge.undone_at.is_(None))
    return session.scalar(select(CustomerMerge.id).where(CustomerMerge.kept_id == merged.kept_id, *later).limit(1))


def _move_back(session: Session, merged: CustomerMerge) -> None:
    for name, columns in merged.moved.items():
        table = Base.metadata.tables[name]
        for column, ids in columns.items():
            for some in chunks(ids):
                still = (_key(table).in_(some), table.c[column] == merged.kept_id)
                session.execute(update(table).where(*still).values({column: merged.gone_id}))
    for name, rows in merged.dropped.items():
        table = Base.metadata.tables[name]
        for row in rows:
            if "nulled" in row:
                again = update(table).where(_key(table) == row["id"])
                session.execute(again.values({row["nulled"]: merged.gone_id}))
            else:
                session.execute(insert(table).values(_read(table, row)))
    session.expire_all()


def _read(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    """What `_stored` stored."""
    return {column.name: _parsed(column, row[column.name]) for column in table.columns}


def _parsed(column: Column[Any], value: Any) -> Any:
    if value is None:
        return None
    if isinstance(column.type, UtcDateTime):
        return datetime.fromisoformat(value)
    return date.fromisoformat(value) if isinstance(column.type, Date) else value


def _write_keys(session: Session, kept: Customer, gone: Customer, before: dict[str, Any]) -> None:
    """Each gets its own again. A key that was given since stays: a new one of the kept record, or another record's."""
    mine, theirs = before["kept"][_KEY], before["gone"][_KEY]
    if kept.external_id not in (mine, theirs):
        mine = kept.external_id
    kept.external_id = gone.external_id = None
    session.flush()
    for customer, key in ((kept, mine), (gone, theirs)):
        taken = select(Customer.id).where(Customer.external_id == key)
        customer.external_id = key if key and session.scalar(taken) is None else None
        session.flush()


def _restore(session: Session, customer: Customer, fields: dict[str, Any]) -> None:
    customer_edits.write(session, customer, {name: fields[name] for name in CHOOSABLE})
    customer.version += 1
    session.flush()
