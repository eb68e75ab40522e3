"""A dry run goes through many batches, and the database forgets each at once: what they would have written stands here.

Before a batch is tried, whatever the batches before would have made of the same customers and orders is put back for
it, so that its figures are those of the real run. It lies in a temporary database of SQLite's own, on the disk and
gone with the process, so that a long file takes no more memory than a short one.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import customer_records, purchase_records
from crm.customer_records import CustomerRecord
from crm.models.catalogue import Purchase
from crm.purchase_records import PurchaseRecord
from crm.records import Outcome, Result

_WRITTEN = (Outcome.CREATED, Outcome.UPDATED)
_PERSON = TypeAdapter(CustomerRecord)
_ORDER = TypeAdapter(PurchaseRecord)
_TABLES = """
    PRAGMA journal_mode = OFF;
    CREATE TABLE people (number INTEGER PRIMARY KEY, id INTEGER UNIQUE, key TEXT, phone TEXT, record BLOB);
    CREATE INDEX people_key ON people (key);
    CREATE INDEX people_phone ON people (phone, key);
    CREATE TABLE orders (key TEXT PRIMARY KEY, code TEXT, record BLOB);
    CREATE INDEX orders_code ON orders (code);
"""


class Rehearsal:
    """What one dry run would have written so far. For one thread; `upsert` is called where it is taken back after."""

    def __init__(self) -> None:
        self._kept = sqlite3.connect("", isolation_level=None)
        self._kept.executescript(_TABLES)

    def close(self) -> None:
        """Forgets it."""
        self._kept.close()

    def people(self, session: Session, records: Sequence[CustomerRecord]) -> list[Result]:
        """`customer_records.upsert` as if the batches before had been written."""
        states = self._people_meant(session, records)
        put = customer_records.put(session, [(number, _PERSON.validate_json(told)) for _, number, told in states])
        numbers = {found: state[0] for found, state in zip(put, states, strict=True) if found is not None}
        results = customer_records.upsert(session, records)
        made = {result.id for result in results if result.outcome is Outcome.CREATED}
        touched = {result.id for result in results if result.id is not None and result.outcome in _WRITTEN}
        for found, record in customer_records.states(session, touched).items():
            known = None if found in made or found in numbers else found
            self._keep(numbers.get(found), known, record)
        return results

    def orders(self, session: Session, records: Sequence[PurchaseRecord]) -> list[Result]:
        """`purchase_records.upsert` as if the batches before had been written. A file names no order twice."""
        before = self._orders_meant(session, records)
        if before:
            purchase_records.upsert(session, [_ORDER.validate_json(told) for told in before])
        results = purchase_records.upsert(session, records)
        written = [each for each, result in zip(records, results, strict=True) if result.outcome in _WRITTEN]
        rows = [(each.external_id, each.code, _ORDER.dump_json(each)) for each in written]
        self._kept.executemany("INSERT OR REPLACE INTO orders VALUES (?, ?, ?)", rows)
        return results

    def _people_meant(self, session: Session, records: Sequence[CustomerRecord]) -> list[tuple[int, int | None, bytes]]:
        """The states of those whom the batch may mean: (number, id in the database, record).

        Of many with one phone some are enough: whether it is none, one or several decides, and no more of them than
        the batch has records can change theirs meanwhile.
        """
        keys = {record.external_id for record in records if record.external_id}
        ids = customer_records.meant(session, records)
        found = self._rows("SELECT number, id, record FROM people WHERE key IN ({})", keys)
        found += self._rows("SELECT number, id, record FROM people WHERE id IN ({})", ids)
        with_phone = "SELECT number, id, record FROM people WHERE phone = ? AND key IS {} NULL LIMIT ?"
        for phone in {record.phone for record in records if record.phone}:
            found += self._kept.execute(with_phone.format(""), (phone, 2)).fetchall()
            found += self._kept.execute(with_phone.format("NOT"), (phone, len(records) + 2)).fetchall()
        return sorted({row[0]: row for row in found}.values())

    def _orders_meant(self, session: Session, records: Sequence[PurchaseRecord]) -> list[bytes]:
        """The orders that have a code of the batch, or had one in the database."""
        codes = {record.code for record in records}
        had = set(session.scalars(select(Purchase.external_id).where(Purchase.order_code.in_(codes))))
        found = self._rows("SELECT key, record FROM orders WHERE code IN ({})", codes)
        found += self._rows("SELECT key, record FROM orders WHERE key IN ({})", had)
        return list({row[0]: row[1] for row in found}.values())

    def _rows(self, asked: str, values: Iterable[Any]) -> list[Any]:
        given = list(values)
        return self._kept.execute(asked.format(", ".join("?" * len(given))), given).fetchall() if given else []

    def _keep(self, number: int | None, found: int | None, record: CustomerRecord) -> None:
        told = (record.external_id, record.phone, _PERSON.dump_json(record))
        if number is None:
            self._kept.execute("INSERT INTO people (id, key, phone, record) VALUES (?, ?, ?, ?)", (found, *told))
        else:
            self._kept.execute("UPDATE people SET key = ?, phone = ?, record = ? WHERE number = ?", (*told, number))
