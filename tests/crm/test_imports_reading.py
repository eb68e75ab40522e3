"""How imported files are read: encodings, sheets, sums and days, and what is refused as harmful or too large."""

import tracemalloc
import unicodedata
import zipfile
from datetime import date, datetime, timedelta
from pathlib import Path

import openpyxl
import pytest
from sqlalchemy import select

from crm import import_files, import_tables, import_values, imports
from crm.db import Database
from crm.import_tables import Unreadable
from crm.models.integration import ImportKind, ImportState
from crm.models.people import Customer, Occasion
from crm.settings import settings
from tests.crm import import_steps

pytestmark = pytest.mark.usefixtures("own_directory")


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
    number = import_steps.upload(database, ImportKind.CUSTOMERS, content, "khach.xlsx")
    import_steps.work(database)
    import_steps.start(database, number)
    import_steps.work(database)
    assert import_steps.job(database, number).counts["created"] >= 1
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
        number = import_steps.upload(database, ImportKind.CUSTOMERS, content)
        import_steps.work(database)
        job = import_steps.job(database, number)
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


def test_a_large_file_takes_no_more_memory_than_a_small_one(tmp_path: Path) -> None:
    def peak(lines: int) -> int:
        path = tmp_path / f"{lines}.csv"
        with path.open("w") as target:
            target.write(import_steps.HEAD + "\n")
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
