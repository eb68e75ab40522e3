"""Times of day as Vietnamese say them: "3h chiều", "8h30 sáng", "9h kém 15", "15:00", "3 giờ rưỡi", "sáng"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from nlu.entities.day_patterns import table, words
from nlu.entities.reading import Reading

GATE = re.compile(r"\d\s?(?:h|g\d|gio|:\d|am\b|pm\b)|\bgio\b|\b(?:sang|trua|chieu|toi|dem|khuya)\b")
_HOURS = {
    name: n for n, name in enumerate(["mot", "hai", "ba", "bon", "nam", "sau", "bay", "tam", "chin", "muoi"], start=1)
}
_HOURS |= {"muoi mot": 11, "muoi hai": 12}
_HOUR_WORDS = "|".join(sorted(_HOURS, key=len, reverse=True))
_PART = r"(?P<part>sang|trua|chieu|toi|dem|khuya)"
_CLOCK = re.compile(
    rf"(?<![\w.,:/])(?:(?P<h>[01]?\d|2[0-3])(?:\s?h\s?(?P<m>[0-5]\d)?(?!\w)|\s?gio(?:\s(?P<m2>[0-5]\d)(?=\s*(?:phut|$|[a-z])))?"
    rf"|g(?P<m3>[0-5]\d)|:(?P<m4>[0-5]\d)(?!\d))|(?P<w>{_HOUR_WORDS})\s+gio)(?![\w:])"
    rf"(?:\s+phut)?(?:\s?(?P<half>ruoi)|\s+kem\s+(?P<less>\d{{1,2}}|nam|muoi)(?:\s?(?:p|phut))?)?(?:\s*{_PART}\b)?"
)
_ENGLISH = re.compile(r"(?<![\w.,:/])(?P<h>1[0-2]|[1-9])(?::(?P<m>[0-5]\d))?(?P<half>am|pm)\b")
_PART_ALONE = re.compile(rf"\b(?:buoi\s+)?{_PART}(?:\s+som)?\b")
PARTS = {"sang": "morning", "trua": "noon", "chieu": "afternoon", "toi": "evening", "dem": "night", "khuya": "night"}
_SPELT: dict[str, str] = {**table()["parts_of_day"], "khuya": "khuya"}
_BARE_ANSWER = 2  # words: "15h ạ" answers when


@dataclass(frozen=True, slots=True)
class Clock:
    """A time ("15:00") or only a part of the day, at plain[start:end]. `alone`: it says enough without a date."""

    time: str | None
    part: str | None
    start: int
    end: int
    alone: bool = False
    sure: bool = True


def find(reading: Reading) -> Iterator[Clock]:
    """Yield times of day, then the parts of the day that stand apart from them."""
    if not GATE.search(reading.plain):
        return
    ends: list[tuple[int, int]] = []
    for match in _ENGLISH.finditer(reading.plain):
        hour = int(match["h"]) % 12 + (12 if match["half"] == "pm" else 0)
        ends.append(match.span())
        yield Clock(f"{hour:02d}:{match['m'] or '00'}", None, *match.span(), alone=True)
    for match in _CLOCK.finditer(reading.plain):
        clock = _clock(reading, match)
        if clock is not None:
            ends.append((clock.start, clock.end))
            yield clock
    for match in _PART_ALONE.finditer(reading.plain):
        inside = any(start < match.end() and match.start() < end for start, end in ends)
        if not inside and _is_part(reading, match):
            yield Clock(None, PARTS[match["part"]], *match.span())


def _clock(reading: Reading, match: re.Match[str]) -> Clock | None:
    part, end = match["part"], match.end()
    if part and not _is_part(reading, match, after_hour=True):
        part, end = None, len(reading.plain[: match.start("part")].rstrip())
    hour = _HOURS[match["w"]] if match["w"] else int(match["h"])
    minute = int(match["m"] or match["m2"] or match["m3"] or match["m4"] or 0) + (30 if match["half"] else 0)
    if match["less"]:
        hour, minute = hour - 1, 60 - {"nam": 5, "muoi": 10}.get(match["less"], int(f"0{_digits(match['less'])}") or 60)
    exact = bool(match["m4"])
    near = reading.before(match.start(), 1)
    if near and near[0] in words("durations") and not part:
        return None
    alone = bool(part or exact or (near and near[0] in words("hour_cues")) or len(reading.words) <= _BARE_ANSWER)
    hour24 = hour if exact else _of_day(hour, part)
    if not 0 <= minute < 60 or not 0 <= hour24 < 24:
        return None
    sure = bool(part or exact or hour > 6)
    return Clock(f"{hour24:02d}:{minute:02d}", PARTS[part] if part else None, match.start(), end, alone, sure)


def _digits(text: str) -> str:
    return text if text.isdigit() else ""


def _of_day(hour: int, part: str | None) -> int:
    """The hour on a 24-hour clock. Without a part of the day, 1 to 6 are of the afternoon: shops are awake then."""
    if part is None:
        return hour + 12 if 1 <= hour <= 6 else hour
    if part in ("chieu", "toi"):
        return hour + 12 if hour < 12 else hour
    if part == "trua":
        return hour + 12 if hour <= 3 else hour
    if part in ("dem", "khuya"):
        return hour + 12 if 7 <= hour < 12 else hour % 12 if hour == 12 else hour
    return hour


def _is_part(reading: Reading, match: re.Match[str], *, after_hour: bool = False) -> bool:
    """Whether it is spelt as a part of the day; typed bare, "sang" and "toi" are more often go over and I."""
    start, end = match.span("part")
    word, spelt = match["part"], reading.spelt[start:end]
    if spelt == _SPELT[word]:
        return True
    if spelt != word or not (reading.bare or after_hour):
        return False
    if after_hour or word not in ("toi", "sang"):
        return True
    return word == "sang" or reading.after(end, 1) == ["nay"]
