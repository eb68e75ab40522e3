"""Imports of customers and purchases: what is written, what is refused and why, and that a repeat changes nothing."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from crm import clock, import_files, import_words, imports
from crm.db import Database
from crm.errors import IllegalTransition
from crm.models.catalogue import Product, Purchase, PurchaseStatus
from crm.models.integration import ImportKind, ImportRow, ImportState
from crm.models.people import Address, Customer, Occasion, Stage, Tier
from crm.models.staff import Staff
from crm.records import Problem, Reason
from crm.settings import settings
from tests.crm import factories, import_steps

pytestmark = pytest.mark.usefixtures("own_directory")

ORDERS = "Số đơn;Mã khách hàng;Ngày mua;Trạng thái;Sản phẩm;SL;Đơn giá"


def test_a_dry_run_writes_nothing_and_says_what_would_happen(database: Database) -> None:
    bad = "KH2,Lê Văn Tám,12345,khong-phai,ông,31/02/1990,Kim cương,"
    number = import_steps.upload(
        database, ImportKind.CUSTOMERS, import_steps.customers(import_steps.MAI, bad, ",Không khoá,,,,,,", ",,,,,,,")
    )
    import_steps.work(database)
    job = import_steps.job(database, number)
    assert (job.state, job.total) == (ImportState.CHECKED, 3)
    assert job.counts == {"created": 1, "refused": 2, "rows": 3}
    assert import_steps.count(database, Customer) == 0
    assert [each["field"] for each in job.columns][:3] == ["external_id", "name", "phone"]
    assert job.columns[-1] == {"heading": "Ghi chú", "field": None}
    with database.read() as session:
        rows = imports.refused_rows(session, number)
    assert [row.number for row in rows] == [3, 4]
    assert [(each["column"], each["value"]) for each in rows[0].problems] == [
        ("số điện thoại", "12345"),
        ("email", "khong-phai"),
        ("xưng hô", "ông"),
        ("hạng", "Kim cương"),
        ("ngày sinh", "31/02/1990"),
    ]
    assert "10 chữ số" in rows[0].problems[0]["why"]
    assert rows[1].problems[0]["why"] == "cần có mã khách hàng hoặc số điện thoại"


def test_what_was_checked_is_written_and_again_it_changes_nothing(database: Database) -> None:
    content = import_steps.customers(import_steps.MAI, ",Lê Văn Tám,84 987 654 321,,,14/7,,")
    for outcome in ("created", "unchanged"):
        number = import_steps.upload(database, ImportKind.CUSTOMERS, content)
        import_steps.work(database)
        import_steps.start(database, number)
        import_steps.work(database)
        assert import_steps.job(database, number).state is ImportState.DONE
        assert import_steps.job(database, number).counts == {outcome: 2, "rows": 2}
    with database.read() as session:
        mai, tam = session.scalars(select(Customer).order_by(Customer.id))
        assert (mai.external_id, mai.phone, mai.email) == ("KH1", "0912345678", "mai@example.org")
        assert (mai.tier, mai.address, mai.name_folded) == (Tier.GOLD, Address.CHI, "tran thi mai")
        assert (tam.phone, tam.external_id) == ("0987654321", None)
        born = {each.customer_id: (each.day, each.month, each.year) for each in session.scalars(select(Occasion))}
        assert born == {mai.id: (2, 9, 1990), tam.id: (14, 7, None)}
    with database.begin() as session, pytest.raises(IllegalTransition):
        imports.start(session, factories.agent(session, "thu"), number)


def _products(database: Database) -> None:
    with database.begin() as session:
        for sku, name in (("TL-01", "Tủ lạnh Mát"), ("MG-02", "Máy giặt Sạch")):
            folded = {"Tủ lạnh Mát": "tu lanh mat", "Máy giặt Sạch": "may giat sach"}[name]
            session.add(Product(sku=sku, name=name, name_folded=folded, price=1000, warranty_months=12))
        session.add(
            Customer(external_id="KH1", name="Mai", name_folded="mai", phone="0912345678", created_at=clock.now())
        )


def test_the_lines_of_an_order_are_one_purchase(database: Database) -> None:
    _products(database)
    lines = (
        "DH 1;KH1;05/03/2026 14:30;Đã giao;TL-01;1;9.900.000 ₫",
        "DH 1;KH1;05/03/2026 14:30;Đã giao;máy giặt sạch;2;",
        "DH 2;KH9;05/03/2026;;TL-01;1;",
        "DH 3;KH1;05/03/2099;;TL-01;0;mười đồng",
        "DH 4;KH1;2026-03-06;Đang giao;TL-01;1;1000",
        "DH 1;KH1;05/03/2026 14:30;Đã giao;TL-01;1;1",
        "DH 5;KH1;2026-03-06;;TL-01;1;1000",
        "DH 5;KH1;2026-03-07;;TL-01;1;1000",
    )
    number = import_steps.upload(database, ImportKind.PURCHASES, "\r\n".join((ORDERS, *lines)).encode())
    import_steps.work(database)
    import_steps.start(database, number)
    import_steps.work(database)
    assert import_steps.job(database, number).counts == {"created": 2, "refused": 4, "rows": 8}
    with database.read() as session:
        first, fourth = session.scalars(select(Purchase).order_by(Purchase.id))
        assert [(each.quantity, each.unit_price) for each in first.items] == [(1, 9_900_000), (2, 1000)]
        assert first.purchased_at == datetime(2026, 3, 5, 14, 30, tzinfo=settings().zone)
        assert (fourth.order_code, fourth.status) == ("DH4", PurchaseStatus.SHIPPING)
        assert session.scalar(select(Customer.stage)) is Stage.CURRENT
        whys = {row.number: [each["column"] for each in row.problems] for row in imports.refused_rows(session, number)}
    assert whys == {
        4: ["mã khách hàng"],
        5: ["ngày mua", "số lượng", "đơn giá"],
        7: ["mã đơn"],
        8: ["ngày mua"],
    }


def test_the_list_of_refused_rows_can_be_taken_away_and_holds_no_formula(database: Database) -> None:
    number = import_steps.upload(
        database, ImportKind.CUSTOMERS, import_steps.customers('=cmd|"/c calc"!A1,Mai,=1+1,,,,,')
    )
    import_steps.work(database)
    with database.read() as session:
        told = imports.report(imports.refused_rows(session, number), head=True)
    lines = told.splitlines()
    assert lines[0] == "\ufeffDòng,Cột,Giá trị,Vì sao"
    assert lines[1].startswith("2,số điện thoại,'=1+1,")
    assert "'=cmd" in lines[1]


def test_an_import_that_was_killed_goes_on_and_doubles_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "BATCH", 10)
    number = import_steps.upload(
        database, ImportKind.CUSTOMERS, import_steps.customers(*(f"KH{n},Khách {n},,,,,," for n in range(95)))
    )
    import_steps.work(database)
    import_steps.start(database, number)
    pauses = iter([False, False, True])
    import_steps.work(database, lambda: next(pauses))
    job = import_steps.job(database, number)
    assert (job.state, job.counts["created"], import_steps.count(database, Customer)) == (ImportState.RUNNING, 30, 30)
    import_steps.work(database)
    assert import_steps.job(database, number).counts == {"created": 95, "rows": 95}
    assert import_steps.count(database, Customer) == 95


def test_a_cancelled_import_stops_between_two_batches(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "BATCH", 10)
    number = import_steps.upload(
        database, ImportKind.CUSTOMERS, import_steps.customers(*(f"KH{n},Khách {n},,,,,," for n in range(50)))
    )
    import_steps.work(database)
    import_steps.start(database, number)

    def cancel() -> bool:
        with database.begin() as session:
            if imports.get(session, number).state is ImportState.RUNNING:
                imports.cancel(session, session.scalars(select(Staff)).one(), number)
        return False

    import_steps.work(database, cancel)
    assert (import_steps.job(database, number).state, import_steps.count(database, Customer)) == (
        ImportState.CANCELLED,
        10,
    )


def test_uploads_are_deleted_after_a_week_and_when_somebody_is_erased(database: Database) -> None:
    numbers = [
        import_steps.upload(database, ImportKind.CUSTOMERS, import_steps.customers("KH1,Mai,1,,,,,")) for _ in range(2)
    ]
    import_steps.work(database)
    numbers.append(import_steps.upload(database, ImportKind.CUSTOMERS, import_steps.customers("KH1,Mai,1,,,,,")))
    with database.begin() as session:
        imports.cancel(session, factories.agent(session), numbers[0])
        assert import_files.forget_all(session) == 2, "one is at work"
        assert len(list(import_files.directory().iterdir())) == 1
        assert import_files.forget_old(session, clock.now() + timedelta(days=8)) == 1
        assert list(import_files.directory().iterdir()) == []
        assert session.scalar(select(func.count()).select_from(ImportRow)) == 0
    assert {import_steps.job(database, number).state for number in numbers} == {ImportState.CANCELLED}


def test_every_reason_has_a_sentence() -> None:
    assert all(import_words.why(Problem("x", reason)) for reason in Reason)
