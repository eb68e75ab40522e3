"""Days as Vietnamese say them: "hôm qua", "thứ 7 tuần sau", "25/12", "mùng 5 Tết", "rằm tháng giêng", "cuối tháng".

Own patterns: dateparser knows none of "mốt", "thứ 7 tuần sau", "mùng 5 Tết", reads "t7" as a month and takes 2 to 5 ms.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from nlu.entities import calendar
from nlu.entities.calendar import Days, Today
from nlu.entities.day_meanings import MEANINGS
from nlu.entities.day_patterns import GATE, PATTERNS, any_of, table, words
from nlu.entities.reading import Reading
from nlu.entities.relative_days import loose_part


@dataclass(frozen=True, slots=True)
class Day:
    """Days meant by plain[start:end]; `loose` ones (a month, a week) may be narrowed by a neighbour."""

    days: Days
    start: int
    end: int
    confidence: float = 1.0
    kind: str = ""


def find(reading: Reading, today: Today) -> list[Day]:
    """The days a message speaks of, the longest reading of each place, in order of appearance."""
    if not GATE.search(reading.plain):
        return []
    found = [day for finder in (_by_pattern, _by_name) for day in finder(reading, today)]
    kept: list[Day] = []
    for day in sorted(found, key=lambda each: (each.start - each.end, each.start)):
        if all(day.end <= other.start or other.end <= day.start for other in kept):
            kept.append(day)
    return sorted(kept, key=lambda each: each.start)


def _by_pattern(reading: Reading, today: Today) -> Iterator[Day]:
    for kind, pattern in PATTERNS.items():
        for match in pattern.finditer(reading.plain):
            when = replace(today, past=_looks_back(reading, match.start(), match.end()))
            meant = MEANINGS[kind](reading, match, when)
            if meant is not None:
                days, confidence = meant
                start = match.start() + (
                    len(match["before"]) if kind == "relative" and loose_part(reading, match) else 0
                )
                start += len(reading.plain[start:]) - len(reading.plain[start:].lstrip())
                yield Day(days, start, match.end(), confidence, kind)


def _by_name(reading: Reading, today: Today) -> Iterator[Day]:
    pattern, holidays = _holidays()
    for match in pattern.finditer(reading.plain):
        entry = holidays[match[0]]
        if set(reading.before(match.start(), 1)) & words("guards"):
            continue
        when = replace(today, past=_looks_back(reading, match.start(), match.end()))
        if "tet" in entry:
            found = calendar.tet(when, entry["tet"])
        else:
            found = calendar.yearly(when, entry["day"], entry["month"], None, lunar=entry["calendar"] == "lunar")
        if found:
            yield Day(
                Days(found, None, entry.get("calendar", "lunar") == "lunar"), match.start(), match.end(), 0.9, "name"
            )


def _looks_back(reading: Reading, start: int, end: int) -> bool:
    near = reading.before(start, 4)
    phrase = " ".join(near[::-1])
    if any(re.search(rf"\b{word}\b", phrase) for word in words("not_past")):
        return False
    later = f"{' '.join(reading.after(end, 6))} "
    if "da" not in near and any(f"{asked} " in later for asked in words("not_past_after")):
        return False
    return bool(words("past") & set(near)) or any(phrase in later for phrase in words("past_after"))


@lru_cache(maxsize=1)
def _holidays() -> tuple[re.Pattern[str], dict[str, dict[str, Any]]]:
    entries = {name: entry for entry in table()["holidays"] for name in entry["names"]}
    return re.compile(rf"\b(?:{any_of(entries)})\b"), entries
