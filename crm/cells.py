"""Cells of tables that people take away: no spreadsheet takes one for a formula."""

import csv
import io
from collections.abc import Sequence

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
BYTE_ORDER_MARK = "\ufeff"  # with it Excel reads UTF-8


def safe(cell: str) -> str:
    """`cell`, with an apostrophe before what a spreadsheet would take for a formula."""
    return f"'{cell}" if cell.lstrip().startswith(_FORMULA) or cell.startswith(_FORMULA) else cell


def lines(rows: Sequence[Sequence[str]]) -> str:
    """The rows as lines of CSV, each cell safe."""
    written = io.StringIO()
    csv.writer(written).writerows([[safe(cell) for cell in row] for row in rows])
    return written.getvalue()
