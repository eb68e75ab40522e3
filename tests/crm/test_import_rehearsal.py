"""Dry runs over many batches: what the batches before would have written counts, though the database forgot it."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from crm import clock, import_files, imports
from crm.db import Database
from crm.models.catalogue import Product, Purchase, PurchaseStatus
from crm.models.integration import Import, ImportKind, ImportState
from crm.models.people import Customer
from crm.models.staff import Staff
from crm.settings import settings
from scheduler import imports as worker
from tests.crm import factories

HEAD = "Mã KH,Họ và tên,Số điện thoại,E-mail,Xưng hô,Ngày sinh,Hạng,Ghi chú"
ORDERS = "Mã hệ thống;Mã đơn hàng;Mã khách hàng;Ngày mua;Trạng thái;Sản phẩm;SL;Đơn giá"


@pytest.fixture(autouse=True)
def _own_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings(), "var_dir", tmp_path / "var")


def _work(database: Database, pause: Callable[[], bool] = lambda: False) -> None:
    worker.work(database.read, database.begin, pause)


def _upload(database: Database, kind: ImportKind, content: bytes) -> int:
    stored = import_files.store([content])
    with database.begin() as session:
        return imports.begin(session, None, kind, "khach.csv", stored).id


def _job(database: Database, number: int) -> Import:
    with database.read() as session:
        return imports.get(session, number)


def _start(database: Database, number: int) -> None:
    with database.begin() as session:
        imports.start(session, session.scalars(select(Staff)).first() or factories.agent(session, "quan"), number)


def _customers(*lines: str) -> bytes:
    return "\n".join((HEAD, *lines)).encode()


def _products(database: Database) -> None:
    with database.begin() as session:
        session.add(Product(sku="TL-01", name="Tủ lạnh", name_folded="tu lanh", price=1000, warranty_months=12))
        session.add(Customer(external_id="KH1", name="Mai", name_folded="mai", created_at=clock.now()))


def _dry_and_real(database: Database, kind: ImportKind, content: bytes) -> tuple[list[Any], list[Any]]:
    """What the dry run says, and what then comes of it: the figures, and each refused row with the reasons."""
    number, seen = _upload(database, kind, content), []
    for _ in range(2):
        _work(database)
        with database.read() as session:
            refused = [(row.number, row.problems) for row in imports.refused_rows(session, number, limit=500)]
        seen.append([_job(database, number).counts, refused])
        if len(seen) == 1:
            _start(database, number)
    return seen[0], seen[1]


@pytest.mark.parametrize("seed", range(4))
def test_a_dry_run_over_many_batches_says_what_the_real_run_does(
    database: Database, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Few keys, phones and names, so that batch after batch comes back to what the ones before would have written."""
    monkeypatch.setattr(imports, "BATCH", 4)
    dice = random.Random(seed)
    phones = [f"09123456{n:02d}" for n in range(6)]

    def line() -> str:
        key = dice.choice(["", "", *(f"KH{n}" for n in range(12))])
        cells = [key, dice.choice(["Mai", "Lan", "Mai"]), dice.choice(["", *phones])]
        return ",".join(
            (*cells, "", dice.choice(["", "chị"]), dice.choice(["", "2/9/1990"]), dice.choice(["", "Vàng"]))
        )

    with database.begin() as session:
        for number in range(4):
            more = {"external_id": f"KH{number}" if number % 2 else None, "created_at": clock.now()}
            session.add(Customer(name="Cũ", name_folded="cu", phone=phones[number], **more))
    dry, real = _dry_and_real(database, ImportKind.CUSTOMERS, _customers(*(line() for _ in range(90))))
    assert dry == real
    assert min(real[0][outcome] for outcome in ("created", "updated", "unchanged", "refused")) > 0


def test_one_phone_for_everybody_is_several_peoples_in_the_dry_run_too(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "BATCH", 3)
    lines = [f"{'' if n % 3 == 2 else f'KH{n}'},Khách {n},0912345678,,,,," for n in range(15)]
    moved = [f"KH{n},Khách {n},09876543{n:02d},,,,," for n in (0, 1, 3, 4, 6, 7, 9, 10, 12, 13)]
    content = _customers(*lines, *moved, ",Ai đó,0912345678,,,,,", *lines)
    dry, real = _dry_and_real(database, ImportKind.CUSTOMERS, content)
    assert dry == real


def test_orders_of_one_code_are_told_apart_over_batches(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "BATCH", 1)
    _products(database)
    with database.begin() as session:
        bought = {"customer_id": session.scalar(select(Customer.id)), "purchased_at": clock.now()}
        for key, code in (("A", "DH1"), (None, "DH9")):
            session.add(Purchase(external_id=key, order_code=code, status=PurchaseStatus.DELIVERED, **bought))
    orders = (("A", "DH-2"), ("B", "DH-1"), ("C", "DH-2"), ("D", "DH-9"), ("E", "DH-9"), ("F", "DH-5"), ("G", "DH 5"))
    lines = [f"{key};{code};KH1;05/03/2026;;TL-01;1;" for key, code in orders]
    dry, real = _dry_and_real(database, ImportKind.PURCHASES, "\n".join((ORDERS, *lines)).encode())
    assert dry == real
    assert real[0] == {"updated": 2, "created": 2, "refused": 3, "rows": 7}


def test_a_dry_run_that_was_killed_begins_again(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "BATCH", 2)
    lines = [f"KH{n % 4},Khách,,,,,," for n in range(12)]
    number = _upload(database, ImportKind.CUSTOMERS, _customers(*lines))
    pauses = iter([False, False, True])
    _work(database, lambda: next(pauses))
    assert _job(database, number).state is ImportState.CHECKING
    _work(database)
    assert _job(database, number).counts == {"created": 4, "unchanged": 8, "rows": 12}
