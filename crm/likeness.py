"""When two messages are the same one, typed by two people or twice."""

import re
from collections.abc import Mapping
from functools import lru_cache

from rapidfuzz import fuzz, process

from crm.words import normal, words

ALIKE = 95.0  # of 100: one letter more or less in twenty; one letter exchanged makes another word in a short message
LONGEST_KEY = 300
CANDIDATES = 8
_STRETCHED = re.compile(r"([^\W\d_])\1+")
_NUMBER = re.compile(r"\d+")


def key(text: str) -> str:
    """`text` without accents, punctuation, stretched letters, teencode and, at its ends, polite words."""
    folded = [_spellings().get(word, word) for word in _STRETCHED.sub(r"\1", normal(text)).split()]
    polite, kept = _polite(), " ".join(folded).split()
    while len(kept) > 1 and kept[-1] in polite:
        kept.pop()
    while len(kept) > 1 and kept[0] in polite:
        kept.pop(0)
    return (" ".join(kept) or text.strip().lower())[:LONGEST_KEY]


def joined(key: str) -> str:
    """The key as it is compared with others: where words are parted is a matter of taste."""
    return key.replace(" ", "")


def closest(wanted: str, known: Mapping[str, str]) -> str | None:
    """The key that says the same as the key `wanted`, slips of typing aside; None if none does. `known`: key to joined.

    Five thousand keys take a few milliseconds.
    """
    found = process.extract(joined(wanted), known, scorer=fuzz.ratio, score_cutoff=ALIKE, limit=CANDIDATES)
    return next((key for _, _, key in found if _sense(key) == _sense(wanted)), None)


def _sense(key: str) -> tuple[list[str], list[str]]:
    """What must not differ: the numbers, and the words that turn a sentence round."""
    return _NUMBER.findall(key), [word for word in key.split() if word in _turning()]


@lru_cache(maxsize=1)
def _spellings() -> dict[str, str]:
    return {normal(other): normal(group[0]) for group in words("review")["spellings"] for other in group[1:]}


@lru_cache(maxsize=1)
def _turning() -> frozenset[str]:
    return frozenset(map(normal, words("review")["turning"]))


@lru_cache(maxsize=1)
def _polite() -> frozenset[str]:
    return frozenset(map(normal, words("dialogue")["polite"]))
