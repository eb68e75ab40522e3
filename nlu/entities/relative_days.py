"""Days that are counted from today: "hôm qua", "mai", "mốt", "ngày kia", "sáng nay"."""

from __future__ import annotations

import re
from datetime import date, timedelta

from nlu.entities.calendar import Today
from nlu.entities.day_patterns import RELATIVE, table, words
from nlu.entities.reading import Reading


def meant(reading: Reading, match: re.Match[str], today: Today) -> date | None:
    """The day; None where the words are others ("quá", chị Mai, thời mốt)."""
    if match["short"]:
        word, before = match["short"].removeprefix("hom").removeprefix("h").removeprefix("n"), "hom"
    elif match["alone"]:
        word, before = match["alone"], ""
    else:
        word, before = match["day"], match["before"].split()[-1]
    spelt = reading.spelt[match.start("alone" if not before else "day") : match.end()] if not match["short"] else word
    if not _is_relative(reading, match, word, before, spelt):
        return None
    shift = 2 if (word, before) == ("kia", "ngay") else RELATIVE[word]
    return today.day + timedelta(days=shift)


def _is_relative(reading: Reading, match: re.Match[str], word: str, before: str, spelt: str) -> bool:
    if word == "mot":
        style = bool(set(reading.before(match.start(), 1)) & words("styles"))
        near = before in ("ngay", "bua", "sang", "chieu", "trua")
        bare = near and reading.bare and reading.before(match.start(), 1) != ["moi"] and before != "ngay"
        return (spelt == "mốt" or bare) and not style and (near or reading.after(match.end(), 1) != ["moi"])
    if word == "mai":
        return spelt == "mai" and (bool(before) or _is_tomorrow(reading, match))
    if before in ("sang", "trua", "chieu", "toi", "dem", "khuya"):
        said = reading.spelt[match.start("before") : match.end("before")]
        accented = said != before or before == "khuya"
        return word in ("qua", "nay") and spelt == word and (accented or (reading.bare and word == "nay"))
    if word in ("qua", "wa"):
        return spelt in ("qua", "wa") and before in ("hom", "bua")
    if word == "kia":
        return spelt == "kia"
    return word == "nay" and before in ("hom", "bua") and spelt == "nay"


def _is_tomorrow(reading: Reading, match: re.Match[str]) -> bool:
    """ "Mai" is also a name, a flower and the beginning of "mai mốt" (some day)."""
    before, after = reading.before(match.start(), 1), reading.after(match.end(), 1)
    if reading.cased[match.start()].isupper() and match.start() > 0 and reading.cased[match.start() + 1].islower():
        first = not reading.plain[: match.start()].rstrip() or reading.plain[: match.start()].rstrip()[-1] in ".!?\n"
        return first and after != ["mot"]
    return not (set(after) & words("no_tomorrow_before") or set(before) & words("named_mai"))


def loose_part(reading: Reading, match: re.Match[str]) -> bool:
    """ "tôi mai qua": what stands before is no part of the day, and left out."""
    before = match["before"]
    if not before or before not in table()["parts_of_day"]:
        return False
    said = reading.spelt[match.start("before") : match.end("before")]
    accented = table()["parts_of_day"][before]
    return said != accented and not (reading.bare and (before != "toi" or match["day"] == "nay"))
