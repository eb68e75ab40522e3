"""A message as the finders read it: folded letter by letter, each letter knowing where it was typed."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

_WORD = re.compile(r"[^\W_]+")
_JOINERS = frozenset({"Cf", "Cc", "Cs", "Co"})


@dataclass(frozen=True, slots=True)
class Found:
    """One entity. `start` and `end` count characters of the text as typed; `confidence` lies between 0 and 1."""

    entity: str
    value: Any
    start: int
    end: int
    confidence: float = 1.0

    def as_entity(self) -> dict[str, Any]:
        """The shape Rasa's messages carry."""
        return {
            "entity": self.entity,
            "value": self.value,
            "start": self.start,
            "end": self.end,
            "confidence_entity": self.confidence,
        }


@dataclass(frozen=True, slots=True)
class Word:
    """A word: without accents in lower case, with them in lower case, and its place in the folded text."""

    plain: str
    spelt: str
    start: int
    end: int


@dataclass(frozen=True)
class Reading:
    """`plain` (no accents), `spelt` (composed) and `cased` have one letter for each letter of the message.

    Zero-width marks are gone, combining marks belong to their letter, white space is a blank or a line break.
    """

    text: str
    plain: str
    spelt: str
    cased: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def found(self, entity: str, value: Any, start: int, end: int, confidence: float = 1.0) -> Found:
        """An entity for plain[start:end], with its place in the text as typed."""
        return Found(entity, value, self.starts[start], self.ends[end - 1], confidence)

    def typed(self, start: int, end: int) -> str:
        """What the customer typed for plain[start:end]."""
        return self.text[self.starts[start] : self.ends[end - 1]]

    @cached_property
    def words(self) -> list[Word]:
        """Runs of letters and digits, in order."""
        return [Word(m[0], self.spelt[m.start() : m.end()], m.start(), m.end()) for m in _WORD.finditer(self.plain)]

    @cached_property
    def bare(self) -> bool:
        """Whether the whole message is typed without accents."""
        return self.plain == self.spelt

    @cached_property
    def _word_starts(self) -> list[int]:
        return [word.start for word in self.words]

    def before(self, position: int, count: int = 1) -> list[str]:
        """Up to `count` words (without accents) that end before `position` of the folded text, nearest first."""
        index = bisect_left(self._word_starts, position)
        return [word.plain for word in self.words[max(0, index - count) : index][::-1]]

    def after(self, position: int, count: int = 1) -> list[str]:
        """Up to `count` words (without accents) that begin at or after `position`, nearest first."""
        index = bisect_left(self._word_starts, position)
        return [word.plain for word in self.words[index : index + count]]


def read(text: str) -> Reading:
    """Fold `text`: NFC or NFD, emoji and zero-width marks inside make no difference to what is found."""
    plain: list[str] = []
    spelt: list[str] = []
    cased: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for position, char in enumerate(text):
        base, low, kind = _folded(char)
        if kind == "mark":
            if spelt:
                cased[-1] = _composed(cased[-1], char)
                spelt[-1] = _composed(spelt[-1], char)
                ends[-1] = position + 1
        elif kind == "letter":
            plain.append(base)
            spelt.append(low)
            cased.append(char)
            starts.append(position)
            ends.append(position + 1)
    return Reading(text, "".join(plain), "".join(spelt), "".join(cased), tuple(starts), tuple(ends))


def _composed(letter: str, mark: str) -> str:
    whole = unicodedata.normalize("NFC", letter + mark)
    return whole if len(whole) == 1 else letter


@lru_cache(maxsize=4096)
def _folded(char: str) -> tuple[str, str, str]:
    """The letter without its accents, the letter in lower case, and what it is: a letter, a mark or nothing."""
    if char.isspace():
        sign = "\n" if char in "\n\r" else " "
        return sign, sign, "letter"
    category = unicodedata.category(char)
    if category in _JOINERS or category == "Me" or "\ufe00" <= char <= "\ufe0f":
        return "", "", "nothing"
    if unicodedata.combining(char):
        return "", "", "mark"
    low = char.lower() if len(char.lower()) == 1 else char
    bare = unicodedata.normalize("NFD", "d" if low == "đ" else low)[:1]
    return bare, low, "letter"


def without_overlaps(found: list[Found]) -> list[Found]:
    """Keep the longest of what overlaps, candidates for the very same place all; in order of appearance."""
    kept: list[Found] = []
    for one in sorted(found, key=lambda each: (each.start - each.end, each.start)):
        if all(one.end <= k.start or k.end <= one.start or (k.start, k.end) == (one.start, one.end) for k in kept):
            kept.append(one)
    return sorted(kept, key=lambda each: (each.start, -each.confidence))
