"""What the patterns of nlu.entities.day_patterns mean: which days, and how surely; None where the words mean no day."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from nlu.entities import calendar, relative_days
from nlu.entities.calendar import Days, Today
from nlu.entities.day_patterns import MONTHS, NUMBERS, SHIFTS, WEEKDAYS, words
from nlu.entities.reading import Reading

Meaning = tuple[Days, float] | None


def _day(found: Any, *, lunar: bool = False, confidence: float = 1.0) -> Meaning:
    return (Days(found, None, lunar), confidence) if found is not None else None


def _relative(reading: Reading, match: re.Match[str], today: Today) -> Meaning:
    alone = bool(match["alone"])
    return _day(relative_days.meant(reading, match, today), confidence=0.9 if alone else 1.0)


def _offset(reading: Reading, match: re.Match[str], today: Today) -> Meaning:
    way, said = match["way"], match["n"]
    if match["ago"] and said:
        way = "truoc"
    if way is None or (said is None and (way != "nua" or match["unit"] in ("ngay", "hom", "bua"))):
        return None
    if way == "nua" and reading.spelt[match.start("way") : match.end("way")] == "nửa":
        return None
    count = (int(said) if said.isdigit() else NUMBERS[said]) if said else 1
    count = -count if way == "truoc" else count
    if match["unit"] == "thang":
        return _day(calendar.months_away(today.day, count), confidence=0.8)
    return _day(today.day + timedelta(days=count * (7 if match["unit"] == "tuan" else 1)), confidence=0.9)


def _weekday(reading: Reading, match: re.Match[str], today: Today) -> Meaning:
    name = match["w"] or match["t"]
    before, after = reading.before(match.start(), 1), reading.after(match.end(), 1)
    if name and (
        set(before) & words("ordinals") or set(after) & words("units") - {"h", "gio", "g", "nguoi", "cua", "bo"}
    ):
        return None
    if match["w"] and not _is_ordinal_spelt(reading, match):
        return None
    if match["cn"] == "cn" and not (
        match["week"] or set(before) & {"sang", "chieu", "toi", "ngay", "hom", "trua", "va", "t7"}
    ):
        return None
    index = 6 if match["cn"] else WEEKDAYS[name]
    week = " ".join(match["week"].split()) if match["week"] else ""
    today = replace(today, past=today.past or (match[0].startswith("hom") and not week))
    if week == "roi" or not week or week == "toi":
        nearest = calendar.weekday(replace(today, past=today.past and week != "toi"), index, None, coming=week == "toi")
        return _day(nearest, confidence=0.8 if match["t"] else 0.95)
    return _day(calendar.weekday(today, index, SHIFTS[week.removeprefix("tuan ")]))


def _is_ordinal_spelt(reading: Reading, match: re.Match[str]) -> bool:
    """ "thứ tư" is a day, "thứ tự" an order and "thử 2" a trial."""
    word = reading.spelt[match.start("w") - 1 - 3 : match.end("w")]
    return re.fullmatch(
        r"(?:thứ|thu)\s+(?:\d|hai|ba|tư|tu|năm|nam|sáu|sau|bảy|bẩy|bay)", word.strip()
    ) is not None and (word.startswith("thứ") or reading.bare)


def _numeric(reading: Reading, match: re.Match[str], today: Today) -> Meaning:
    day, month, year = int(match["d"]), int(match["m"]), _year(match["y"], today)
    before, after = reading.before(match.start(), 2), reading.after(match.end(), 1)
    cued = bool(words("date_cues") & set(before[:1])) or bool(match["al"]) or year is not None
    if (
        (match["d"], match["m"]) == ("24", "7")
        or set(after) & words("fractions_after")
        or set(before[:1]) & words("address")
    ):
        return None
    small = month <= 10 and day < month + 2 and day <= 10 and (month in (2, 3, 4, 5, 10) and day <= month)
    if not cued and (match["sep"] != "/" or small or _upper_follows(reading, match.end())):
        return None
    lunar = bool(match["al"])
    return _day(calendar.yearly(today, day, month, year, lunar=lunar), lunar=lunar, confidence=1.0 if cued else 0.85)


def _upper_follows(reading: Reading, end: int) -> bool:
    """ "25/12 Nguyễn Trãi" is a house."""
    following = reading.cased[end:].lstrip()
    return len(following) > 1 and following[0].isupper() and following[1].islower()


def _worded(reading: Reading, match: re.Match[str], today: Today) -> Meaning:
    said = match["m"]
    if match["mung"] and not _is_mung(reading, match.start("mung")):
        return None
    day = 15 if match["d"] == "ram" else int(match["d"]) if match["d"].isdigit() else NUMBERS[match["d"]]
    spoken = bool(match["mung"]) or match["d"] == "ram" or said in ("gieng", "chap")
    lunar = (spoken or bool(match["al"])) and not match["duong"]
    year = _year(match["y"], today)
    if " ".join(said.split()) in SHIFTS:
        if not (match["mung"] or "ngay" in match[0] or match["d"] == "ram"):
            return None  # "2 tháng sau": an offset
        base = calendar.months_away(today.day.replace(day=1), SHIFTS[" ".join(said.split())])
        if lunar:
            return _day(calendar.monthly(today, day, lunar=True), lunar=True, confidence=0.8)
        return _day(calendar.solar(day, base.month, base.year))
    if match["d"] == "ram" and not _is_ram(reading, match.start("d")):
        return None
    month = int(said) if said.isdigit() else MONTHS[said]
    return _day(
        calendar.yearly(today, day, month, year, lunar=lunar), lunar=lunar, confidence=0.85 if match["mung"] else 1.0
    )


def _tet(reading: Reading, match: re.Match[str], today: Today) -> Meaning:
    said = match["d"] or match["e"]
    day = int(said) if said.isdigit() else NUMBERS[said]
    if match["e"] and not (20 <= day <= 30):
        return None
    year = {"sau": 1, "ngoai": -1}.get((match["y"] or "").split()[-1] if match["y"] else "")
    return _day(calendar.tet(today, day, today.day.year + year if year else None), lunar=True)


def _mung(reading: Reading, match: re.Match[str], today: Today) -> Meaning:
    if match["ram"]:
        if not _is_ram(reading, match.start("ram")):
            return None
        return _day(calendar.monthly(today, 15, lunar=True), lunar=True, confidence=0.9)
    at = match.start("d")
    if not _is_mung(reading, match.start() + match[0].index("m")) or set(reading.after(match.end("d"), 1)) & words(
        "units"
    ):
        return None
    day = int(match["d"]) if match["d"].isdigit() else NUMBERS[match["d"]]
    lunar = not match["duong"]
    confident = 0.8 if day <= 10 and reading.plain[at - 1] == " " else 0.5
    return _day(calendar.monthly(today, day, lunar=lunar), lunar=lunar, confidence=confident) if day <= 10 else None


def _lunar_day(reading: Reading, match: re.Match[str], today: Today) -> Meaning:
    """ "15 âm", as an answer to "ngày nào"; "15 am" says nothing of the moon."""
    if reading.spelt[match.start("al")] != "â" or not 1 <= int(match["d"]) <= 30:
        return None
    return _day(calendar.monthly(today, int(match["d"]), lunar=True), lunar=True, confidence=0.8)


def _is_mung(reading: Reading, at: int) -> bool:
    return reading.spelt[at : at + 4] in ("mùng", "mồng") or (reading.bare and reading.plain[at : at + 4] == "mung")


def _is_ram(reading: Reading, at: int) -> bool:
    spelt = reading.spelt[at : at + 3]
    after = set(reading.after(at + 3, 1))
    return spelt == "rằm" or (reading.bare and bool(after & {"thang", "nay", "toi", "t7", "am"}))


def _day_of_month(reading: Reading, match: re.Match[str], today: Today) -> Meaning:
    near, following = set(reading.before(match.start(), 1)), set(reading.after(match.end(), 1))
    spelt = reading.spelt[match.start("by") : match.end("by")]
    if near & words("each") or any(word.isdigit() for word in near) or following & words("units"):
        return None
    if not (spelt in ("ngày", "hôm", "bữa") or reading.bare) or not 1 <= int(match["d"]) <= 31:
        return None
    when = replace(today, past=today.past or match["by"] in ("hom", "bua"))
    lunar = bool(match["al"])
    found = calendar.monthly(when, int(match["d"]), lunar=lunar)
    return _day(found, lunar=lunar, confidence=0.9 if spelt != match["by"] else 0.6)


def _part(reading: Reading, match: re.Match[str], today: Today) -> Meaning:
    word = " ".join(match["n"].split()) if match["n"] else ""
    spelt = reading.spelt[match.start("part") : match.end("of")]
    if not (spelt.split()[0] in ("đầu", "giữa", "cuối") or reading.bare):
        return None
    if match["of"] == "tuan":
        shift = SHIFTS.get(word) if word and not word.isdigit() else None
        return calendar.part_of_week(today, match["part"], shift), 1.0
    if match["of"] == "nam":
        year = today.day.year + SHIFTS.get(word, 0)
        if match["part"] != "cuoi":
            return None
        december = calendar.named_month(today, 12, year)
        return (december, 0.7) if december else None
    if word.isdigit():
        named = calendar.named_month(today, int(word), None, match["part"])
        return (named, 1.0) if named else None
    days = calendar.month(today, SHIFTS.get(word, 0), match["part"])
    if not word and not today.past and days.last and days.last < today.day:
        days = calendar.month(today, 1, match["part"])
    return days, 1.0


def _span(reading: Reading, match: re.Match[str], today: Today) -> Meaning:
    word = " ".join(match["n"].split())
    near = reading.before(match.start(), 1)
    counted = bool(near) and (near[0].isdigit() or near[0] in NUMBERS or near[0] in ("may", "ca", "nua", "hang", "vai"))
    if counted or (
        word in ("nay", "qua") and reading.spelt[match.start("n") : match.end("n")] not in ("này", "nay", "qua")
    ):
        return None
    shift = SHIFTS[word]
    return (calendar.week(today, shift), 0.9) if match["of"] == "tuan" else (calendar.month(today, shift), 0.9)


def _month(reading: Reading, match: re.Match[str], today: Today) -> Meaning:
    near = reading.before(match.start(), 1)
    said = match["m"]
    if near and (near[0].isdigit() or near[0] in NUMBERS or near[0] in ("may", "hang", "moi", "theo", "tra")):
        return None
    number = int(said) if said.isdigit() else MONTHS[said]
    if said in ("gieng", "chap") or match["al"]:
        lunar = calendar.named_lunar_month(today, number)
        return (lunar, 0.9) if lunar else None
    if not said.isdigit() and reading.bare:
        return None
    days = calendar.named_month(today, number, int(match["y"]) if match["y"] else None)
    return (days, 0.8) if days else None


def _tet_year(reading: Reading, match: re.Match[str], today: Today) -> Meaning:
    word = match["y"].split()[-1]
    year = today.day.year + {"sau": 1, "ngoai": 0}[word] if word in ("sau", "ngoai") else None
    if year is None:
        return _day(calendar.tet(replace(today, past=False), 1), lunar=True, confidence=0.9)
    return _day(calendar.tet(today, 1, year), lunar=True, confidence=0.8)


def _year(said: str | None, today: Today) -> int | None:
    if said is None:
        return None
    if said in SHIFTS:
        return today.day.year + SHIFTS[said]
    year = int(said)
    return year if year > 99 else 2000 + year if year <= today.day.year - 2000 + 10 else 1900 + year


MEANINGS: dict[str, Callable[[Reading, re.Match[str], Today], Meaning]] = {
    "relative": _relative, "offset": _offset, "weekday": _weekday, "numeric": _numeric, "worded": _worded, "tet": _tet,
    "mung": _mung, "lunarday": _lunar_day, "dayofmonth": _day_of_month, "part": _part,
    "span": _span, "month": _month, "tetyear": _tet_year,
}  # fmt: skip
