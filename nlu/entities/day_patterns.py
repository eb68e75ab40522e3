"""The patterns of nlu.entities.days, over text without accents, and the numbers that their words stand for."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

TABLE = Path(__file__).with_name("days.yml")

GATE = re.compile(
    r"\d|\b(?:hom|bua|mai|mot|nmai|tuan|thang|thu|chu nhat|cn|mung|mong|ram|tet|nay|qua|kia|ngay|noel"
    r"|giang sinh|valentine|giao thua"
    r"|trung thu|vu lan|gio to|ong tao|quoc|nua|doan ngo|phat dan|tinh nhan|phu nu|h(?:qua|nay))"
)
_ONES = ["mot", "hai", "ba", "bon", "nam", "sau", "bay", "tam", "chin", "muoi"]
NUMBERS = {word: n for n, word in enumerate(_ONES, start=1)}
NUMBERS |= {f"muoi {word}": 10 + n for n, word in enumerate([*_ONES[:4], "lam", *_ONES[5:9]], start=1)}
NUMBERS |= {f"hai {ten}{word}": 20 + n for ten in ("muoi ", "") for n, word in enumerate(
    [*_ONES[:3], "tu", "lam", *_ONES[5:9]], start=1)}  # fmt: skip
NUMBERS |= {"hai muoi": 20, "ba muoi": 30, "ba muoi mot": 31, "ba mot": 31}
MONTHS = {word: n for word, n in NUMBERS.items() if n <= 12} | {"gieng": 1, "tu": 4, "chap": 12}
WEEKDAYS = {"hai": 0, "ba": 1, "tu": 2, "nam": 3, "sau": 4, "bay": 5} | {str(n): n - 2 for n in range(2, 8)}
SHIFTS = {"nay": 0, "sau": 1, "toi": 1, "truoc": -1, "vua roi": -1, "vua qua": -1, "roi": -1, "ngoai": -1, "qua": -1}
RELATIVE = {"qua": -1, "wa": -1, "nay": 0, "mai": 1, "kia": -2, "mot": 2}


def any_of(names: Any) -> str:
    return "|".join(sorted(map(re.escape, names), key=len, reverse=True))


_NUMBER = rf"\d{{1,2}}|{any_of(NUMBERS)}"
_WEEK = r"(?:tuan\s+)?(?:nay|toi|truoc|vua\s+roi|vua\s+qua|sau(?!\s*(?:\d|gio)))|tuan\s+(?:roi|qua)"
_LUNAR = r"(?P<al>\s*\(?(?:am lich|am|al)\b\)?)?(?P<duong>\s*\(?duong(?: lich)?\b\)?)?"
_SHIFT = r"nay|sau|toi|truoc|vua\s+roi|vua\s+qua|roi|qua"
PATTERNS: dict[str, re.Pattern[str]] = {
    "relative": re.compile(
        r"\b(?:(?P<short>hqua|hnay|homqua|homnay|nmai)|(?P<before>(?:ngay\s+)?hom|bua|ngay|sang|trua|chieu|toi|dem|khuya)"
        r"\s*(?P<day>qua|wa|nay|mai|kia|mot)|(?P<alone>mai|mot))\b"
    ),
    "offset": re.compile(
        rf"\b(?P<ago>cach day\s+)?(?:(?P<n>\d{{1,3}}|{any_of(_ONES)})\s+)?(?P<unit>ngay|hom|bua|tuan|thang)"
        r"(?:\s+(?P<way>nua|truoc|sau))?(?!\s+(?:khi|do|moi))\b"
    ),
    "weekday": re.compile(
        rf"\b(?:(?:ngay|hom|bua)\s+)?(?:thu\s+(?P<w>{any_of(WEEKDAYS)})|t(?P<t>[2-7])|(?P<cn>chu nhat|cnhat|cn))\b"
        rf"(?:\s+(?P<week>{_WEEK})\b)?"
    ),
    "numeric": re.compile(
        r"(?<![\w/.,\-])(?P<d>[0-3]?\d)\s?(?P<sep>[/\-.])\s?(?P<m>[01]?\d)(?:\s?(?P=sep)\s?(?P<y>\d{4}|\d{2}))?(?![\w/]|[.\-]\d)"
        rf"{_LUNAR}"
    ),
    "worded": re.compile(
        rf"\b(?:ngay\s+)?(?P<mung>(?:mung|mong)\s+)?(?P<d>{_NUMBER}|ram)\s*[/\-]?\s*(?:thang\s+|t)(?P<m>\d{{1,2}}|{any_of(MONTHS)}"
        rf"|{_SHIFT})\b(?:,?\s+nam\s+(?P<y>\d{{4}}|nay|sau|ngoai|toi))?{_LUNAR}"
    ),
    "tet": re.compile(
        rf"\b(?:ngay\s+)?(?:(?P<mung>mung|mong|m)\s*(?P<d>\d{{1,2}}|{any_of(_ONES)})|(?P<e>2\d|30|{any_of(NUMBERS)}))\s*(?:am\s+)?"
        r"tet\b(?:\s+(?P<y>nay|sau|nam\s+(?:nay|sau|ngoai)))?"
    ),
    "mung": re.compile(
        rf"\b(?:ngay\s+)?(?:(?:mung|mong)\s+(?P<d>\d{{1,2}}|{any_of(_ONES)})|(?P<ram>ram))(?:\s+nay)?{_LUNAR}"
    ),
    "lunarday": re.compile(r"\b(?:ngay\s+)?(?P<d>[0-3]?\d)\s+(?P<al>am lich|am|al)\b"),
    "dayofmonth": re.compile(
        r"\b(?P<by>ngay|hom|bua)\s+(?P<d>[0-3]?\d)(?![\w%]|[.,/\-:]\d)(?P<al>\s+(?:am lich|al|am))?\b"
    ),
    "part": re.compile(
        rf"\b(?P<part>dau|giua|cuoi)\s+(?P<of>tuan|thang|nam)(?:\s+(?P<n>{_SHIFT}|\d{{1,2}}))?(?![\w/])"
    ),
    "span": re.compile(r"\b(?P<of>tuan|thang)\s+(?P<n>nay|sau|toi|truoc|vua\s+roi|vua\s+qua|roi|qua)\b"),
    "month": re.compile(
        rf"\bthang\s+(?P<m>\d{{1,2}}|{any_of(MONTHS)})(?![\w/])(?:[/\s]+(?:nam\s+)?(?P<y>20\d\d))?(?P<al>\s+am\b)?"
    ),
    "tetyear": re.compile(r"\btet\s+(?P<y>nay|nam\s+(?:nay|sau)|sau|toi|nam\s+ngoai)\b"),
}  # fmt: skip


@lru_cache(maxsize=1)
def table() -> dict[str, Any]:
    """days.yml, read once."""
    loaded: dict[str, Any] = YAML(typ="safe").load(TABLE.read_text(encoding="utf-8"))
    return loaded


@lru_cache(maxsize=16)
def words(name: str) -> frozenset[str]:
    """One of the word lists of days.yml."""
    return frozenset(map(str, table()[name]))
