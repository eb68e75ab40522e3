"""A sentence as what is to be masked is looked for in: each word with its place, its bare form, its capital."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from crm.accents import plain
from crm.words import words

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Word:
    """A word in lower case, the same without accents, its place in the text, and what stands behind it."""

    spelt: str
    plain: str
    start: int
    end: int
    capital: bool
    gap: str

    @property
    def number(self) -> bool:
        """Whether it is a house's number: 12, 45, 7B."""
        return self.spelt[0].isdigit() and len(self.spelt) <= 5 and sum(map(str.isalpha, self.spelt)) <= 1

    @property
    def name(self) -> bool:
        """Whether it could be of a name: letters only."""
        return self.spelt.isalpha()


def read(text: str) -> list[Word]:
    """The words of `text` (NFC). In a text all in capitals none is one."""
    found = list(_WORD.finditer(text))
    ends = [*(other.start() for other in found[1:]), len(text)]
    gaps = [text[one.end() : end] for one, end in zip(found, ends, strict=False)]
    shouted = text.isupper()
    return [
        Word(m[0].lower(), plain(m[0].lower()), m.start(), m.end(), m[0][0].isupper() and not shouted, gap)
        for m, gap in zip(found, gaps, strict=True)
    ]


def phrase_at(said: list[Word], at: int, topic: str) -> int:
    """How many words of the longest phrase of the list `topic` stand at `said[at]`; 0 for none."""
    for size in range(min(_longest(topic), len(said) - at), 0, -1):
        part = said[at : at + size]
        spelt, bare = " ".join(w.spelt for w in part), " ".join(w.plain for w in part)
        known = _listed(topic).get(bare)
        if known and (spelt in known or spelt == bare) and all(w.gap in (" ", ".", ". ") for w in part[:-1]):
            return size
    return 0


def within(word: Word, topic: str) -> bool:
    """Whether the word is one of the list `topic`. With a capital it means itself: Hoa is not "hòa"."""
    known = _listed(topic).get(word.plain)
    return known is not None and (word.spelt in known or (word.spelt == word.plain and not word.capital))


def replaced(text: str, edits: Iterable[tuple[int, int, str]]) -> str:
    """`text` with each (start, end, instead), none of which overlap."""
    for start, end, instead in sorted(edits, reverse=True):
        text = text[:start] + instead + text[end:]
    return text


def nobody() -> str:
    """What stands for every name."""
    return str(words("masking")["nobody"])


@lru_cache(maxsize=16)
def _listed(topic: str) -> dict[str, set[str]]:
    """The phrases without accents, and how each of them is spelt."""
    found: dict[str, set[str]] = {}
    for phrase in map(str, words("masking")[topic]):
        found.setdefault(" ".join(map(plain, phrase.split())), set()).add(phrase)
    return found


@lru_cache(maxsize=16)
def _longest(topic: str) -> int:
    return max(len(phrase.split()) for phrase in _listed(topic))
