"""Rows of a CSV or XLSX file that nobody has vouched for, one after the other: a large file takes no more memory."""

import codecs
import csv
import unicodedata
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TextIO

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from crm.errors import TrianError

MAX_BYTES = 50 * 1024 * 1024
MAX_ROWS = 500_000
MAX_COLUMNS = 100
MAX_CELL = 2000
MAX_UNPACKED = 400 * 1024 * 1024
MAX_STRINGS = 60 * 1024 * 1024  # the part of an XLSX that is read into memory whole
MAX_RATIO = 150
_SAMPLE = 64 * 1024
_BROKEN = (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, SyntaxError, OSError, EOFError, csv.Error)


class Unreadable(TrianError):
    """The file as a whole cannot be taken. `reason` has its sentence in data/imports/words.yml."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Row:
    """`number` as a spreadsheet shows it, from 1. `cells`: text, trimmed; dates as ISO 8601."""

    number: int
    cells: tuple[str, ...]


def rows(path: Path) -> Iterator[Row]:
    """The rows that are not empty, heading first. Raises Unreadable, also in the middle."""
    if path.stat().st_size > MAX_BYTES:
        raise Unreadable("too_large")
    with path.open("rb") as source:
        start = source.read(8)
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        raise Unreadable("old_xls")
    read = _xlsx if start.startswith(b"PK\x03\x04") else _csv
    try:
        for number, cells in enumerate(read(path), start=1):
            if number > MAX_ROWS:
                raise Unreadable("too_many_rows")
            written = tuple(_text(cell) for cell in cells[:MAX_COLUMNS])
            if any(written):
                yield Row(number, written)
    except _BROKEN as error:
        raise Unreadable("broken") from error


def _text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)  # a spreadsheet keeps phones and sums as floating numbers
    if isinstance(cell, datetime | date):
        return cell.isoformat()
    return unicodedata.normalize("NFC", str(cell).replace("\x00", "")).strip()[:MAX_CELL]


def _csv(path: Path) -> Iterator[Sequence[object]]:
    with path.open("rb") as source:
        sample = source.read(_SAMPLE)
    encoding = _encoding(path, sample)
    with path.open(encoding=encoding, newline="") as opened:
        yield from csv.reader(opened, delimiter=_delimiter(opened))


def _encoding(path: Path, sample: bytes) -> str:
    """UTF-8 or UTF-16 by their marks or because all of it fits, else what Vietnamese Windows wrote before."""
    if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if b"\x00" in sample:
        halves = sample[::2].count(0), sample[1::2].count(0)
        if max(halves) < len(sample) / 5:
            raise Unreadable("broken")
        return "utf-16-be" if halves[0] > halves[1] else "utf-16-le"
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as source:
            while piece := source.read(_SAMPLE):
                decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp1258"
    return "utf-8-sig"


def _delimiter(opened: TextIO) -> str:
    """What divides the headings: in data there may be commas in names and sums, in headings hardly ever."""
    first = ""
    while not first.strip(" \t\r\n,;|"):
        first = opened.readline(_SAMPLE)
        if not first:
            break
    opened.seek(0)
    bare = "".join(part for place, part in enumerate(first.split('"')) if place % 2 == 0)
    return max((",", ";", "\t", "|"), key=bare.count)


def _xlsx(path: Path) -> Iterator[Sequence[object]]:
    _weigh(path)
    with _workbook(path) as book:
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # what the file says of its own size may be anything
        yield from sheet.iter_rows(max_col=MAX_COLUMNS, values_only=True)


@contextmanager
def _workbook(path: Path) -> Iterator[openpyxl.Workbook]:
    # openpyxl reads its XML through defusedxml where that is installed: no entities, no outside references.
    with path.open("rb") as source:  # by its path it would be judged by its name
        book = openpyxl.load_workbook(source, read_only=True, data_only=True, keep_links=False)
        try:
            yield book
        finally:
            book.close()


def _weigh(path: Path) -> None:
    """Looks at what the file would unpack to, before anything of it is unpacked. zipfile unpacks no more than that."""
    with zipfile.ZipFile(path) as packed:
        parts = packed.infolist()
        strings = sum(part.file_size for part in parts if part.filename.lower().endswith("sharedstrings.xml"))
        whole = sum(part.file_size for part in parts)
        dense = any(part.file_size > 1 << 20 and part.file_size > MAX_RATIO * part.compress_size for part in parts)
    if whole > MAX_UNPACKED or strings > MAX_STRINGS or dense or len(parts) > 2000:
        raise Unreadable("bomb")
