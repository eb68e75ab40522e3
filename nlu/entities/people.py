"""Names of people: after "tên là", "người nhận", "em là", "gặp chị", or a full name that begins with a surname."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from ruamel.yaml import YAML

from nlu.entities.reading import Found, Reading, Word
from nlu.normalisation import strip_accents

TABLE = Path(__file__).with_name("people.yml")
_GAP = re.compile(r"[ :,\-–=]{0,3}")
_MOST_WORDS = 5
_MOST_SMALL_WORDS = 4
_FULL_NAME = 2
_SHORTEST = 2


def find(reading: Reading) -> Iterator[Found]:
    """Yield `person_name` entities; the value is the name with capitals, as it would be written in an address."""
    taken = 0
    pattern, cues = _cues()
    for match in pattern.finditer(reading.plain):
        spelt = reading.spelt[match.start() : match.end()]
        if match.start() < taken or not (spelt in cues[match[0]] or (spelt == match[0] and reading.bare)):
            continue
        strong = match[0] in _strong() or reading.plain[match.end() : match.end() + 1] == ":"
        words = _name(reading, match.end(), small=strong)
        if words and (strong or _fits(reading, match, words)):
            taken = words[-1].end
            yield _person(reading, words, 0.95 if strong else 0.8)
    yield from _full_names(reading, taken, _table()["surnames"])


def _fits(reading: Reading, match: re.Match[str], words: list[Word]) -> bool:
    """A weak cue holds before capitals that are no sentence in capitals and no surname of a street."""
    alone = match[0] in ("co", "chu") and reading.bare
    return not reading.cased.isupper() and not alone and words[0].plain not in _table()["places"]


def _name(reading: Reading, position: int, *, small: bool) -> list[Word]:
    """The words of a name that begins within a blank or a colon of `position`."""
    found: list[Word] = []
    for word in reading.words:
        if word.start < position:
            continue
        between = reading.plain[found[-1].end if found else position : word.start]
        limit = _MOST_WORDS if not small else _MOST_SMALL_WORDS
        gap = between == " " if found else _GAP.fullmatch(between) is not None
        if not gap or len(found) == limit or not _name_word(reading, word, small=small, first=not found):
            break
        found.append(word)
    return found


def _name_word(reading: Reading, word: Word, *, small: bool, first: bool) -> bool:
    if any(char.isdigit() for char in word.plain):
        return False
    capital = reading.cased[word.start].isupper()
    initials = reading.cased[word.start : word.end].isupper() and not reading.cased.isupper()
    if initials or len(word.plain) < _SHORTEST:
        return False
    if first:
        allowed = word.plain not in _table()["no_name"] or (
            capital and len(word.plain) > 1 and word.plain in _surnames()
        )
    else:
        allowed = word.plain not in _table()["stops"] or capital
    return allowed and (capital or small)


def _full_names(reading: Reading, taken: int, surnames: frozenset[str]) -> Iterator[Found]:
    """Two capitals or more of which the first is a surname, and which no street or district is named after."""
    if not any(char.isupper() for char in reading.cased) or reading.cased.isupper():
        return
    for index, word in enumerate(reading.words):
        if word.start < taken or word.plain not in surnames or not reading.cased[word.start].isupper():
            continue
        words = _name(reading, word.start, small=False)
        before = reading.words[index - 1].plain if index else ""
        if (
            len(words) > _FULL_NAME
            and before not in _table()["places"]
            and not before.isdigit()
            and not _has_number(before)
        ):
            taken = words[-1].end
            yield _person(reading, words, 0.7)


def _has_number(word: str) -> bool:
    return any(char.isdigit() for char in word)


def _person(reading: Reading, words: list[Word], confidence: float) -> Found:
    typed = reading.cased[words[0].start : words[-1].end]
    name = typed.title() if typed.islower() or typed.isupper() else typed
    return reading.found("person_name", name, words[0].start, words[-1].end, confidence)


@lru_cache(maxsize=1)
def _table() -> dict[str, frozenset[str]]:
    loaded = YAML(typ="safe").load(TABLE.read_text(encoding="utf-8"))
    return {name: frozenset(map(str, words)) for name, words in loaded.items()}


def _surnames() -> frozenset[str]:
    return _table()["surnames"]


@lru_cache(maxsize=1)
def _strong() -> frozenset[str]:
    return frozenset(map(strip_accents, _table()["strong"]))


@lru_cache(maxsize=1)
def _cues() -> tuple[re.Pattern[str], dict[str, set[str]]]:
    """The cues without their accents, and how each of them may be spelt."""
    spellings: dict[str, set[str]] = {}
    for cue in _table()["strong"] | _table()["weak"]:
        spellings.setdefault(strip_accents(cue), set()).add(cue)
    longest_first = sorted(spellings, key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?![\w])"), spellings
