"""Dates and date-times: days (nlu.entities.days) joined with the time of day that stands beside them.

The value of a `date` entity: {"date": "2027-02-10" | null, "until": the last day of a span | null,
"time": "15:00" | null, "part": "morning" | "noon" | "afternoon" | "evening" | "night" | null,
"calendar": "solar" | "lunar", "said": the words}.
`date` and `until` are always solar ISO dates; `calendar` tells how the customer counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

from nlu.entities import days as day_finder
from nlu.entities import times
from nlu.entities.calendar import Today
from nlu.entities.days import Day
from nlu.entities.reading import Found, Reading
from nlu.entities.times import Clock

_GAP = re.compile(r"[\s,]*(?:(?:luc|vao|ngay|hom|khoang|tam|buoi|cua|la|tu|nha|nhe)\b[\s,]*){0,2}\(?")
_LOOSE = frozenset({"span", "month", "part"})
_UNSURE = 0.6


def find(reading: Reading, today: date) -> Iterator[Found]:
    """Yield `date` entities; relative words count from `today`, a day in Vietnam."""
    days = day_finder.find(reading, Today(today))
    clocks = list(times.find(reading))
    if not days and not clocks:
        return
    pieces: list[Day | Clock] = sorted([*days, *_apart(clocks, days)], key=lambda piece: piece.start)
    chain: list[Day | Clock] = []
    for piece in pieces:
        if chain and not _joins(reading, chain, piece):
            yield from _entity(reading, chain)
            chain = []
        chain.append(piece)
    yield from _entity(reading, chain)


def _apart(clocks: list[Clock], days: list[Day]) -> list[Clock]:
    """Times without what a day's own words took: "chiều" of "3h chiều mai" belongs to "chiều mai"."""
    kept = []
    for clock in clocks:
        day = next((each for each in days if each.start < clock.end and clock.start < each.end), None)
        if day is None:
            kept.append(clock)
        elif clock.time and clock.start < day.start:
            kept.append(replace(clock, end=day.start))
    return kept


def _joins(reading: Reading, chain: list[Day | Clock], piece: Day | Clock) -> bool:
    if not _GAP.fullmatch(reading.plain[chain[-1].end : piece.start]):
        return False
    if isinstance(piece, Day):
        known = [each for each in chain if isinstance(each, Day)]
        return not known or (len(known) == 1 and _narrows(known[0], piece))
    times_known = [each for each in chain if isinstance(each, Clock)]
    return not any((each.time and piece.time) or (each.part and piece.part) for each in times_known)


def _narrows(first: Day, second: Day) -> bool:
    """ "thứ 7 25/12" and "tuần sau thứ 7" are one day each."""
    return {first.kind, second.kind} in ({"weekday", "numeric"}, {"weekday", "dayofmonth"}, {"weekday", "worded"}) or (
        first.kind == "span" and second.kind == "weekday"
    )


def _entity(reading: Reading, chain: list[Day | Clock]) -> Iterator[Found]:
    days = [piece for piece in chain if isinstance(piece, Day)]
    clocks = [piece for piece in chain if isinstance(piece, Clock)]
    if not days and not any(clock.time and clock.alone for clock in clocks):
        return
    start, end = chain[0].start, chain[-1].end
    time = next((clock for clock in clocks if clock.time), None)
    part = next((clock.part for clock in clocks if clock.part), None) or _inner_part(reading, days)
    value = _value(days) | {"time": _clock_time(time, part), "part": part, "said": reading.typed(start, end)}
    confidence = min(
        [day.confidence for day in days] + ([] if time is None or time.sure or part else [_UNSURE]), default=0.9
    )
    order = ("date", "until", "time", "part", "calendar", "said")
    yield reading.found("date", {key: value[key] for key in order}, start, end, confidence)


def _value(days: list[Day]) -> dict[str, Any]:
    if not days:
        return {"date": None, "until": None, "calendar": "solar"}
    day = next((each for each in days if each.kind not in ("weekday", "span")), days[-1]).days
    if len(days) == 2 and days[0].kind == "span":
        monday = days[0].days.first
        chosen = monday.toordinal() + days[1].days.first.weekday()
        return {"date": date.fromordinal(chosen).isoformat(), "until": None, "calendar": "solar"}
    return {
        "date": day.first.isoformat(),
        "until": day.last.isoformat() if day.last else None,
        "calendar": "lunar" if day.lunar else "solar",
    }


def _inner_part(reading: Reading, days: list[Day]) -> str | None:
    """The part of the day inside "sáng nay", "tối mai"."""
    if not days or days[0].kind != "relative":
        return None
    return times.PARTS.get(reading.plain[days[0].start : days[0].end].split()[0])


def _clock_time(clock: Clock | None, part: str | None) -> str | None:
    """ "3h … chiều mai": the part may stand apart from the hour."""
    if clock is None or clock.time is None:
        return None
    hour = int(clock.time[:2])
    if clock.part is None and part == "morning" and not clock.sure and 13 <= hour <= 18:
        return f"{hour - 12:02d}{clock.time[2:]}"
    if clock.part is None and part in ("afternoon", "evening") and hour < 12:
        return f"{hour + 12:02d}{clock.time[2:]}"
    return clock.time
