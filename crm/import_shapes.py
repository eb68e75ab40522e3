"""From rows to records: which column is what, what of a row cannot be used and why."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from crm import import_values, import_words
from crm.customer_records import CustomerRecord
from crm.import_tables import Row, Unreadable
from crm.models.catalogue import PurchaseStatus
from crm.models.integration import ImportKind
from crm.models.people import Address, CustomerKind, Tier
from crm.purchase_records import ItemRecord, PurchaseRecord
from crm.records import Problem, Reason
from crm.words import normal

Record = CustomerRecord | PurchaseRecord
LENGTHS = {
    "external_id": 64,
    "name": 100,
    "occupation": 200,
    "order_code": 32,
    "customer_external_id": 64,
    "serial": 64,
}
NEEDED: dict[ImportKind, tuple[tuple[str, ...], ...]] = {
    ImportKind.CUSTOMERS: (("name",), ("external_id", "phone")),
    ImportKind.PURCHASES: (
        ("external_id", "order_code"),
        ("customer_external_id", "customer_phone"),
        ("purchased_at",),
        ("product",),
    ),
}
_OF_ORDER = ("order_code", "customer_external_id", "customer_phone", "purchased_at", "status")


@dataclass(frozen=True)
class Entry:
    """One record with the rows it stands in; without `record` it cannot be used, for `problems`."""

    rows: tuple[Row, ...]
    record: Record | None
    problems: tuple[tuple[int, Problem], ...] = ()

    @property
    def last(self) -> int:
        """The number of its last row."""
        return self.rows[-1].number


@dataclass
class Columns:
    """Which field each column holds; None for one that is not recognised."""

    headings: tuple[str, ...]
    fields: list[str | None] = field(default_factory=list)

    @classmethod
    def of(cls, kind: ImportKind, heading: Row) -> "Columns":
        """Recognises the headings. Raises Unreadable: something that is needed is not there."""
        known, found = import_words.headings(kind), cls(heading.cells)
        for cell in heading.cells:
            name = known.get(normal(cell))
            found.fields.append(name if name not in found.fields else None)
        if not all(any(each in found.fields for each in choices) for choices in NEEDED[kind]):
            raise Unreadable("no_columns")
        return found

    def cells(self, row: Row) -> dict[str, str]:
        """The row's cells by field, the empty ones left out."""
        pairs = zip(self.fields, row.cells, strict=False)
        return {name: cell for name, cell in pairs if name is not None and cell}


def entries(kind: ImportKind, columns: Columns, rows: Iterable[Row]) -> Iterator[Entry]:
    """The records of the rows, in their order."""
    if kind is ImportKind.CUSTOMERS:
        for row in rows:
            yield _customer(columns, row)
        return
    seen: set[str] = set()
    for key, group in groupby(rows, key=lambda row: _order_key(columns.cells(row))):
        yield _purchase(columns, key, tuple(group), repeated=bool(key) and key in seen)
        seen.add(key)


def _customer(columns: Columns, row: Row) -> Entry:
    reader = _Reader(columns.cells(row))
    record = CustomerRecord(
        external_id=reader.text("external_id"),
        name=reader.text("name"),
        phone=reader.value("phone", import_values.phone, Reason.PHONE),
        email=reader.value("email", import_values.email, Reason.EMAIL),
        address=reader.choice("address", Address),
        kind=reader.choice("kind", CustomerKind),
        tier=reader.choice("tier", Tier),
        occupation=reader.text("occupation"),
        birthday=reader.value("birthday", import_values.birthday, Reason.DATE),
    )
    problems = tuple((row.number, problem) for problem in reader.problems)
    return Entry((row,), None if problems else record, problems)


def _order_key(cells: dict[str, str]) -> str:
    return cells.get("external_id") or cells.get("order_code") or ""


def _purchase(columns: Columns, key: str, rows: tuple[Row, ...], *, repeated: bool) -> Entry:
    read = [(row, _Reader(columns.cells(row))) for row in rows]
    head = read[0][1]
    for _, reader in read[1:]:
        for name in _OF_ORDER:
            if reader.cells.get(name, head.cells.get(name)) != head.cells.get(name):
                reader.refuse(name, Reason.DIFFERS_WITHIN_ORDER)
    if not key:
        head.refuse("order_code", Reason.MISSING)
    if repeated:
        head.refuse("order_code", Reason.REPEATED_ORDER)
    values = _order(head)
    items = tuple(_item(reader) for _, reader in read)
    problems = tuple((row.number, problem) for row, reader in read for problem in reader.problems)
    if problems:
        return Entry(rows, None, problems)
    return Entry(rows, PurchaseRecord(external_id=key, items=items, **values))


def _order(head: "_Reader") -> dict[str, Any]:
    if len(head.cells.get("external_id", "")) > LENGTHS["external_id"]:
        head.refuse("external_id", Reason.TOO_LONG)
    at = head.value("purchased_at", import_values.past, Reason.DATE, needed=True)
    return {
        "purchased_at": at,
        "order_code": head.text("order_code"),
        "customer_external_id": head.text("customer_external_id"),
        "customer_phone": head.value("customer_phone", import_values.phone, Reason.PHONE),
        "status": head.choice("status", PurchaseStatus) or PurchaseStatus.DELIVERED,
    }


def _item(reader: "_Reader") -> ItemRecord:
    return ItemRecord(
        product=reader.text("product", needed=True) or "",
        quantity=reader.value("quantity", import_values.quantity, Reason.NUMBER) or 1,
        unit_price=reader.value("unit_price", import_values.money, Reason.MONEY),
        serial=reader.text("serial"),
    )


class _Reader:
    """The cells of one row, with what was found wrong in them."""

    def __init__(self, cells: dict[str, str]) -> None:
        self.cells = cells
        self.problems: list[Problem] = []

    def refuse(self, name: str, reason: Reason) -> None:
        self.problems.append(Problem(name, reason, self.cells.get(name, "")))

    def text(self, name: str, *, needed: bool = False) -> str | None:
        cell = self.cells.get(name)
        if cell is None and needed:
            self.refuse(name, Reason.MISSING)
        if cell is not None and len(cell) > LENGTHS.get(name, 200):
            self.refuse(name, Reason.TOO_LONG)
        return cell

    def value(self, name: str, parse: Callable[[str], Any], wrong: Reason, *, needed: bool = False) -> Any:
        cell = self.text(name, needed=needed)
        if cell is None:
            return None
        try:
            return parse(cell)
        except ValueError:
            self.refuse(name, wrong)
        except OverflowError:
            self.refuse(name, Reason.FUTURE)
        return None

    def choice(self, name: str, enum: Callable[[str], Any]) -> Any:
        cell = self.cells.get(name)
        if cell is None:
            return None
        value = import_words.choice(name, cell)
        if value is None:
            self.refuse(name, Reason.CHOICE)
            return None
        return enum(value)


def batches(found: Iterable[Entry], size: int) -> Iterator[Sequence[Entry]]:
    """The entries `size` by `size`."""
    batch: list[Entry] = []
    for entry in found:
        batch.append(entry)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
