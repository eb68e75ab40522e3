"""Purchases as the shop's own system or a file knows them: known by its key, so that a repeat changes nothing."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, selectinload

from crm import customers, text
from crm.models.catalogue import Product, Purchase, PurchaseItem, PurchaseStatus
from crm.models.people import Customer, Stage
from crm.records import Outcome, Reason, Result


@dataclass(frozen=True)
class ItemRecord:
    """One line of an order. `product`: its sku, else its exact name.

    `unit_price` in đồng; None: what it cost in this order before, else the catalogue's.
    """

    product: str
    quantity: int = 1
    unit_price: int | None = None
    serial: str | None = None


@dataclass(frozen=True)
class PurchaseRecord:
    """One order, whole: what it does not list is taken off it. The customer is named in one of three ways."""

    external_id: str
    purchased_at: datetime
    items: tuple[ItemRecord, ...]
    status: PurchaseStatus = PurchaseStatus.DELIVERED
    order_code: str | None = None
    customer_id: int | None = None
    customer_external_id: str | None = None
    customer_phone: str | None = None

    @property
    def code(self) -> str:
        """The order's code as it is searched by: letters and digits alone."""
        return re.sub(r"[^A-Z0-9]", "", (self.order_code or self.external_id).upper())[:32]


def upsert(session: Session, records: Sequence[PurchaseRecord]) -> list[Result]:
    """Writes the records in a few queries for all of them. Each is written whole or refused whole."""
    try:
        with session.begin_nested():
            return _upsert(session, records)
    except IntegrityError:
        # Another transaction wrote the same order at the same moment; by now it is there to be found.
        session.expire_all()
        return _upsert(session, records)


def _upsert(session: Session, records: Sequence[PurchaseRecord]) -> list[Result]:
    known = _Known(session, records)
    written = [_write(session, known, record) for record in records]
    session.flush()
    return [Result(each[0], each[1].id) if isinstance(each, tuple) else each for each in written]


def _write(session: Session, known: "_Known", record: PurchaseRecord) -> tuple[Outcome, Purchase] | Result:
    wanted = known.judge(record)
    if isinstance(wanted, Result):
        return wanted
    customer, lines = wanted
    purchase = known.purchase(record)
    created = purchase is None
    if purchase is None:
        purchase = Purchase(items=[])
        session.add(purchase)
    values = {
        "customer_id": customer.id,
        "order_code": record.code,
        "external_id": record.external_id,
        "status": record.status,
        "purchased_at": record.purchased_at,
    }
    changed = {name: value for name, value in values.items() if getattr(purchase, name) != value}
    for name, value in changed.items():
        setattr(purchase, name, value)
    moved = _set_items(session, purchase, lines)
    known.add(purchase)
    if customer.stage is Stage.PROSPECTIVE:
        customer.stage = Stage.CURRENT
    outcome = Outcome.CREATED if created else Outcome.UPDATED if changed or moved else Outcome.UNCHANGED
    return outcome, purchase


_Line = tuple[int, int, int, str | None]


def _set_items(session: Session, purchase: Purchase, lines: list[_Line]) -> bool:
    before = [(item.product_id, item.quantity, item.unit_price, item.serial) for item in purchase.items]
    if sorted(map(repr, before)) == sorted(map(repr, lines)):
        return False
    for item in purchase.items[len(lines) :]:
        session.delete(item)
    del purchase.items[len(lines) :]
    for item, line in zip(purchase.items, lines, strict=False):
        item.product_id, item.quantity, item.unit_price, item.serial = line
    for product_id, quantity, price, serial in lines[len(before) :]:
        purchase.items.append(PurchaseItem(product_id=product_id, quantity=quantity, unit_price=price, serial=serial))
    return True


class _Known:
    """What a batch of orders may mean: the orders themselves (locked), their customers and products."""

    def __init__(self, session: Session, records: Sequence[PurchaseRecord]) -> None:
        self._by_key: dict[str, Purchase] = {}
        self._by_code: dict[str, Purchase] = {}
        self._customers = _Customers(session, records)
        self._products = _products(session, {item.product for record in records for item in record.items})
        keys, codes = {record.external_id for record in records}, {record.code for record in records}
        mine = select(Purchase).where(or_(Purchase.external_id.in_(keys), Purchase.order_code.in_(codes)))
        loaded = mine.options(selectinload(Purchase.items)).order_by(Purchase.id).with_for_update()
        for purchase in session.scalars(loaded):
            self.add(purchase)

    def judge(self, record: PurchaseRecord) -> tuple[Customer, list[_Line]] | Result:
        """Whose it is and what is in it, or why that cannot be said."""
        if not record.items:
            return Result.refused("items", Reason.NO_ITEMS)
        customer = self._customers.find(record)
        if isinstance(customer, Result):
            return customer
        same = self._by_code.get(record.code)
        if same is not None and same.external_id not in (None, record.external_id):
            return Result.refused("order_code", Reason.CODE_TAKEN, record.code)
        paid = _paid(self.purchase(record))
        lines: list[_Line] = []
        for item in record.items:
            product = self._products.get(item.product) or self._products.get(text.fold(item.product))
            if product is None:
                return Result.refused("product", Reason.UNKNOWN_PRODUCT, item.product)
            known = paid[product.id].pop(0) if paid[product.id] else product.price
            price = known if item.unit_price is None else item.unit_price
            lines.append((product.id, item.quantity, price, item.serial))
        return customer, lines

    def purchase(self, record: PurchaseRecord) -> Purchase | None:
        """The order that is there already: by its key, else by its code where it has no key yet."""
        return self._by_key.get(record.external_id) or self._by_code.get(record.code)

    def add(self, purchase: Purchase) -> None:
        """Later records of the batch find it too."""
        self._by_code[purchase.order_code] = purchase
        if purchase.external_id is not None:
            self._by_key[purchase.external_id] = purchase


def _paid(purchase: Purchase | None) -> defaultdict[int, list[int]]:
    """What each product cost in an order that is there already, line by line: a later list price changes none of it."""
    paid: defaultdict[int, list[int]] = defaultdict(list)
    for item in purchase.items if purchase is not None else ():
        paid[item.product_id].append(item.unit_price)
    return paid


class _Customers:
    """The customers that the orders of a batch name; for a record that was merged away, the one that was kept."""

    def __init__(self, session: Session, records: Sequence[PurchaseRecord]) -> None:
        ids = {record.customer_id for record in records if record.customer_id is not None}
        keys = {record.customer_external_id for record in records if record.customer_external_id}
        phones = {record.customer_phone for record in records if record.customer_phone}
        kept, merged = customers.kept_of(session, ids), customers.merged_keys(session, keys)
        ends = ids | set(kept.values()) | set(merged.values())
        self._by_id = {each.id: each for each in _some(session, Customer.id.in_(ends), ends)}
        self._by_id |= {number: self._by_id[end] for number, end in kept.items() if end in self._by_id}
        self._by_key = {each.external_id: each for each in _some(session, Customer.external_id.in_(keys), keys)}
        self._by_key |= {key: self._by_id[end] for key, end in merged.items() if end in self._by_id}
        self._by_phone: dict[str | None, list[Customer]] = {}
        for each in _some(session, Customer.phone.in_(phones), phones):
            self._by_phone.setdefault(each.phone, []).append(each)

    def find(self, record: PurchaseRecord) -> Customer | Result:
        """Whose the order is: the most exact name of theirs that was given decides."""
        if record.customer_id is not None:
            found, field, value = self._by_id.get(record.customer_id), "customer_id", str(record.customer_id)
        elif record.customer_external_id:
            field, value = "customer_external_id", record.customer_external_id
            found = self._by_key.get(value)
        elif record.customer_phone:
            same = self._by_phone.get(record.customer_phone, [])
            if len(same) > 1:
                return Result.refused("customer_phone", Reason.SHARED_PHONE, record.customer_phone)
            found, field, value = (same[0] if same else None), "customer_phone", record.customer_phone
        else:
            return Result.refused("customer_external_id", Reason.NO_KEY)
        return found if found is not None else Result.refused(field, Reason.UNKNOWN_CUSTOMER, value)


def _some(session: Session, condition: ColumnElement[bool], wanted: set[Any]) -> list[Customer]:
    here = select(Customer).where(condition, Customer.gone_at.is_(None))
    return list(session.scalars(here)) if wanted else []


def _products(session: Session, names: set[str]) -> dict[str, Product]:
    folded = {text.fold(name) for name in names}
    found = session.scalars(select(Product).where(or_(Product.sku.in_(names), Product.name_folded.in_(folded)))).all()
    by_name = {product.name_folded: product for product in found}
    return by_name | {product.sku: product for product in found}
