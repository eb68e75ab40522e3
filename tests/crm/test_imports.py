"""Imports of customers and purchases: what is read, what is refused and why, and that a repeat changes nothing."""

import tracemalloc
import unicodedata
import zipfile
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import openpyxl
import pytest
from sqlalchemy import func, select

from crm import clock, import_files, import_tables, import_values, import_words, imports
from crm.db import Database
from crm.errors import IllegalTransition
from crm.import_tables import Unreadable
from crm.models.catalogue import Product, Purchase, PurchaseStatus
from crm.models.integration import Import, ImportKind, ImportRow, ImportState
from crm.models.people import Address, Customer, Occasion, Stage, Tier
from crm.models.staff import Staff
from crm.records import Problem, Reason
from crm.settings import settings
from scheduler import imports as worker
from tests.crm import factories

HEAD = "Mã KH,Họ và tên,Số điện thoại,E-mail,Xưng hô,Ngày sinh,Hạng,Ghi chú"
MAI = "KH1,Trần Thị Mai,0912 345 678,MAI@example.org,chị,02/09/1990,Vàng,thân thiết"
ORDERS = "Số đơn;Mã khách hàng;Ngày mua;Trạng thái;Sản phẩm;SL;Đơn giá"


@pytest.fixture(autouse=True)
def _own_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings(), "var_dir", tmp_path / "var")


def _go_on() -> bool:
    return False


def _work(database: Database, pause: Callable[[], bool] = _go_on) -> None:
    worker.work(database.read, database.begin, pause)


def _upload(database: Database, kind: ImportKind, content: bytes, name: str = "khach.csv") -> int:
    stored = import_files.store([content])
    with database.begin() as session:
        return imports.begin(session, None, kind, name, stored).id


def _job(database: Database, number: int) -> Import:
    with database.read() as session:
        return imports.get(session, number)


def _start(database: Database, number: int) -> None:
    with database.begin() as session:
        admin = session.scalars(select(Staff)).first() or factories.agent(session, "quan")
        imports.start(session, admin, number)


def _count(database: Database, table: type) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def _customers(*lines: str) -> bytes:
    return "\n".join((HEAD, *lines)).encode()


def test_a_dry_run_writes_nothing_and_says_what_would_happen(database: Database) -> None:
    bad = "KH2,Lê Văn Tám,12345,khong-phai,ông,31/02/1990,Kim cương,"
    number = _upload(database, ImportKind.CUSTOMERS, _customers(MAI, bad, ",Không khoá,,,,,,", ",,,,,,,"))
    _work(database)
    job = _job(database, number)
    assert (job.state, job.total) == (ImportState.CHECKED, 3)
    assert job.counts == {"created": 1, "refused": 2, "rows": 3}
    assert _count(database, Customer) == 0
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
    content = _customers(MAI, ",Lê Văn Tám,84 987 654 321,,,14/7,,")
    for outcome in ("created", "unchanged"):
        number = _upload(database, ImportKind.CUSTOMERS, content)
        _work(database)
        _start(database, number)
        _work(database)
        assert _job(database, number).state is ImportState.DONE
        assert _job(database, number).counts == {outcome: 2, "rows": 2}
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
    number = _upload(database, ImportKind.PURCHASES, "\r\n".join((ORDERS, *lines)).encode())
    _work(database)
    _start(database, number)
    _work(database)
    assert _job(database, number).counts == {"created": 2, "refused": 4, "rows": 8}
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
    number = _upload(database, ImportKind.CUSTOMERS, _customers('=cmd|"/c calc"!A1,Mai,=1+1,,,,,'))
    _work(database)
    with database.read() as session:
        told = imports.report(imports.refused_rows(session, number), head=True)
    lines = told.splitlines()
    assert lines[0] == "\ufeffDòng,Cột,Giá trị,Vì sao"
    assert lines[1].startswith("2,số điện thoại,'=1+1,")
    assert "'=cmd" in lines[1]


def _table(path: Path, content: bytes) -> list[tuple[str, ...]]:
    path.write_bytes(content)
    return [row.cells for row in import_tables.rows(path)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1258"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_encoding_and_delimiter_are_found_out(encoding: str, delimiter: str, tmp_path: Path) -> None:
    lines = [["Mã KH", 'Họ và tên "đủ"'], ["KH1", "Đặng Thị Hường, Nguyễn"], ["KH2", "Lê\nVăn; Tám\t|"]]
    text = "\r\n".join(delimiter.join('"' + cell.replace('"', '""') + '"' for cell in line) for line in lines)
    content = _cp1258(text) if encoding == "cp1258" else text.encode(encoding)
    assert _table(tmp_path / "x.csv", content) == [tuple(line) for line in lines]


def _cp1258(text: str) -> bytes:
    """Letters with their hats, the tone behind as a sign of its own, as Windows wrote them."""
    tones = {"\u0300", "\u0301", "\u0303", "\u0309", "\u0323"}
    out = ""
    for letter in text:
        parts = unicodedata.normalize("NFD", letter)
        hat = "".join(part for part in parts if part not in tones)
        out += unicodedata.normalize("NFC", hat) + "".join(part for part in parts if part in tones)
    return out.encode("cp1258")


def _sheet(path: Path, rows: list[list[object]]) -> Path:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)  # type: ignore[union-attr]
    book.save(path)
    return path


def test_a_sheet_is_read_with_its_numbers_and_dates(database: Database, tmp_path: Path) -> None:
    rows: list[list[object]] = [
        ["Mã KH", "Tên khách hàng", "SĐT", "Ngày sinh", "Email"],
        [1001, "Trần Thị Mai", 912345678, date(1990, 9, 2), None],
        [1002, "=1+1", 987654321.0, datetime(1985, 1, 5), "=HYPERLINK(0)"],
    ]
    content = _sheet(tmp_path / "khach.xlsx", rows).read_bytes()
    number = _upload(database, ImportKind.CUSTOMERS, content, "khach.xlsx")
    _work(database)
    _start(database, number)
    _work(database)
    assert _job(database, number).counts["created"] >= 1
    with database.read() as session:
        mai = session.scalars(select(Customer).order_by(Customer.id)).first()
        assert mai is not None
        assert (mai.external_id, mai.phone) == ("1001", "0912345678")
        born = session.scalars(select(Occasion).where(Occasion.customer_id == mai.id)).one()
        assert (born.day, born.month, born.year) == (2, 9, 1990)


def _zip(path: Path, parts: dict[str, bytes]) -> bytes:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in parts.items():
            packed.writestr(name, content)
    return path.read_bytes()


def test_files_that_mean_harm_are_refused_with_a_sentence(database: Database, tmp_path: Path) -> None:
    entity = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa">]><worksheet>&a;</worksheet>'
    whole = _sheet(tmp_path / "good.xlsx", [["Mã KH", "Tên", "SĐT"], ["1", "A", "0912345678"]])
    with zipfile.ZipFile(whole) as good:
        parts = {name: good.read(name) for name in good.namelist()}
    wrong = {
        "bomb": _zip(tmp_path / "bomb", parts | {"xl/worksheets/sheet1.xml": b" " * 40_000_000}),
        "broken": _zip(tmp_path / "entity", parts | {"xl/worksheets/sheet1.xml": entity}),
        "old_xls": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"0" * 100,
        "empty": b"",
        "no_columns": "Cột A,Cột B\n1,2".encode(),
    }
    broken = [b"PK\x03\x04not really", b"\x89PNG\r\n\x1a\n" + bytes(range(1, 256)), b"a,b\x00\x01\x02,c" * 9]
    for reason, content in (*wrong.items(), *(("broken", content) for content in broken)):
        number = _upload(database, ImportKind.CUSTOMERS, content)
        _work(database)
        job = _job(database, number)
        assert (job.state, job.reason) == (ImportState.UNREADABLE, reason)
        assert job.finished_at is not None


def test_limits_of_size_hold_and_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_files, "MAX_BYTES", 10)
    with pytest.raises(Unreadable, match="too_large"):
        import_files.store([b"12345", b"1234567"])
    assert list(import_files.directory().iterdir()) == []
    monkeypatch.setattr(import_tables, "MAX_ROWS", 3)
    with pytest.raises(Unreadable, match="too_many_rows"):
        _table(tmp_path / "x.csv", b"a\nb\nc\nd\n")
    wide = _table(tmp_path / "y.csv", (",".join(["x" * 5000] * 300)).encode())
    assert (len(wide[0]), len(wide[0][0])) == (import_tables.MAX_COLUMNS, import_tables.MAX_CELL)


def test_an_import_that_was_killed_goes_on_and_doubles_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "BATCH", 10)
    number = _upload(database, ImportKind.CUSTOMERS, _customers(*(f"KH{n},Khách {n},,,,,," for n in range(95))))
    _work(database)
    _start(database, number)
    pauses = iter([False, False, True])
    _work(database, lambda: next(pauses))
    job = _job(database, number)
    assert (job.state, job.counts["created"], _count(database, Customer)) == (ImportState.RUNNING, 30, 30)
    _work(database)
    assert _job(database, number).counts == {"created": 95, "rows": 95}
    assert _count(database, Customer) == 95


def test_a_cancelled_import_stops_between_two_batches(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "BATCH", 10)
    number = _upload(database, ImportKind.CUSTOMERS, _customers(*(f"KH{n},Khách {n},,,,,," for n in range(50))))
    _work(database)
    _start(database, number)

    def cancel() -> bool:
        with database.begin() as session:
            if imports.get(session, number).state is ImportState.RUNNING:
                imports.cancel(session, session.scalars(select(Staff)).one(), number)
        return False

    _work(database, cancel)
    assert (_job(database, number).state, _count(database, Customer)) == (ImportState.CANCELLED, 10)


def test_uploads_are_deleted_after_a_week_and_when_somebody_is_erased(database: Database) -> None:
    numbers = [_upload(database, ImportKind.CUSTOMERS, _customers("KH1,Mai,1,,,,,")) for _ in range(2)]
    _work(database)
    numbers.append(_upload(database, ImportKind.CUSTOMERS, _customers("KH1,Mai,1,,,,,")))
    with database.begin() as session:
        imports.cancel(session, factories.agent(session), numbers[0])
        assert import_files.forget_all(session) == 2, "one is at work"
        assert len(list(import_files.directory().iterdir())) == 1
        assert import_files.forget_old(session, clock.now() + timedelta(days=8)) == 1
        assert list(import_files.directory().iterdir()) == []
        assert session.scalar(select(func.count()).select_from(ImportRow)) == 0
    assert {_job(database, number).state for number in numbers} == {ImportState.CANCELLED}


def test_a_large_file_takes_no_more_memory_than_a_small_one(tmp_path: Path) -> None:
    def peak(lines: int) -> int:
        path = tmp_path / f"{lines}.csv"
        with path.open("w") as target:
            target.write(HEAD + "\n")
            target.writelines(f"KH{n},Khách thứ {n},09{n:08d},,,,,\n" for n in range(lines))
        tracemalloc.start()
        _, entries = imports.read(path, ImportKind.CUSTOMERS)
        for _ in entries:
            pass
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(10)
    assert peak(20_000) < peak(2_000) + 500_000


@pytest.mark.parametrize(
    ("said", "dong"),
    [("1.250.000", 1250000), ("1,250,000 đ", 1250000), ("1250000.00", 1250000), ("0", 0), ("1.250.000,00₫", 1250000)],
)
def test_sums_are_read_however_they_are_written(said: str, dong: int) -> None:
    assert import_values.money(said) == dong


@pytest.mark.parametrize("said", ["", "mười", "-5", "1.25", "1.2.3", "9" * 13, "1e5", "=1", "１２３"])
def test_what_is_no_sum_is_none(said: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        import_values.money(said)


def test_days_are_read_day_first() -> None:
    zone = settings().zone
    assert import_values.moment("5/3/2026") == datetime(2026, 3, 5, tzinfo=zone)
    assert import_values.moment("05-03-26 7:05") == datetime(2026, 3, 5, 7, 5, tzinfo=zone)
    assert import_values.moment("2026-03-05T07:05:00+00:00").utcoffset() == timedelta()
    for wrong in ("13/13/2026", "hôm qua", "46000", "1.5.0001"):
        with pytest.raises(ValueError, match=r"."):
            import_values.moment(wrong)


def test_every_reason_has_a_sentence() -> None:
    assert all(import_words.why(Problem("x", reason)) for reason in Reason)
