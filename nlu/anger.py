"""How angry a message sounds, from 0 (calm) to 1, by the words and signs of anger.yml; a rule, not a trained model."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from nlu.normalisation import strip_accents

TABLE = Path(__file__).with_name("anger.yml")
ANNOYED, ANGRY = 0.3, 0.6  # from here on: level 1, level 2

_WORD = re.compile(r"[^\W_]+")
_GROUPS = ("swearing", "threat", "strong", "weak", "harmless")
_STRETCHED = re.compile(r"([^\W\d_])\1{3,}")
_LONGEST_NEGATION = 4
_MOST_SIGNS = 2
_SHOUTED_WORDS = 3
_SHOUTED_LETTERS = 8


@dataclass(frozen=True, slots=True)
class Term:
    """A word or phrase that tells of anger; `accented_only`: typed without accents it is another word."""

    spelt: tuple[str, ...]
    weight: float
    group: str
    accented_only: bool
    fixed: bool  # no negation turns it round


@dataclass(frozen=True, slots=True)
class Hit:
    """A term at words[start:end]."""

    term: Term
    start: int
    end: int


class AngerMeter:
    """Scores messages by one table; see anger.yml for what the numbers mean."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        self._voice: dict[str, float] = dict(table["voice"])
        self._voice_alone = float(table["voice_alone"])
        self._calm_factor = float(table["calm_factor"])
        self._calm = _phrases(table["calm"])
        self._praise = frozenset(_flat(table["praise"]))
        spoken = {tuple(_words(phrase)) for phrase in table["negations"]}
        self._plain_negations = frozenset(map(str, table["plain_negations"]))
        self._negations = spoken | {tuple(map(strip_accents, phrase)) for phrase in spoken}
        self._signs = [
            (frozenset(table[name]["signs"]), float(table[name]["weight"])) for name in ("emoji", "mild_emoji")
        ]
        self._terms = self._index(table)
        self._longest = max(map(len, self._terms))

    @classmethod
    def load(cls, path: Path = TABLE) -> AngerMeter:
        """Read the table. Raises OSError or KeyError."""
        return cls(YAML(typ="safe").load(path.read_text(encoding="utf-8")))

    @staticmethod
    def _index(table: Mapping[str, Any]) -> dict[tuple[str, ...], Term]:
        """Terms as spelt, and without accents where that is no other word."""
        index: dict[tuple[str, ...], Term] = {}
        for group in reversed(_GROUPS):
            for phrase in table[group]["terms"]:
                only, fixed = phrase in table["accents_only"], phrase in table["never_negated"]
                term = Term(tuple(_words(phrase)), float(table[group]["weight"]), group, only, fixed)
                index[term.spelt] = term
                if not only:
                    index.setdefault(tuple(map(strip_accents, term.spelt)), term)
        return index

    def score(self, text: str) -> float:
        """Between 0 and 1, rounded to hundredths."""
        composed = unicodedata.normalize("NFC", text)
        words = _words(composed.lower())
        bare = all(word.isascii() for word in words)
        hits = [hit for hit in self._hits(words, bare) if not self._turned(words, hit)]
        said = _joint([hit.term.weight for hit in hits] + self._of_signs(composed))
        voice = _joint(self._of_voice(composed, words))
        if not said:
            return round(min(voice, self._voice_alone), 2)
        if any(phrase in f" {' '.join(words)} " for phrase in self._calm) and said < ANGRY:
            said *= self._calm_factor
        return round(_joint([said, voice]), 2)

    def _hits(self, words: list[str], bare: bool) -> list[Hit]:
        """The terms in the message, the longest at each place."""
        found: list[Hit] = []
        at = 0
        while at < len(words):
            hit = next(
                (
                    Hit(term, at, at + size)
                    for size in range(min(self._longest, len(words) - at), 0, -1)
                    if (term := self._terms.get(tuple(words[at : at + size]))) is not None
                    and (bare or term.spelt == tuple(words[at : at + size]))
                ),
                None,
            )
            found += [hit] if hit else []
            at = hit.end if hit else at + 1
        return found

    def _turned(self, words: list[str], hit: Hit) -> bool:
        """Whether a negation stands before the term, or praise beside a swear word."""
        if hit.term.group == "swearing" and set(words[max(0, hit.start - 2) : hit.start]) & self._praise:
            return not self._plain_negations & set(words[max(0, hit.start - 3) : hit.start])
        if hit.term.fixed or hit.term.group == "threat":
            return False
        before = words[max(0, hit.start - _LONGEST_NEGATION) : hit.start]
        return any(tuple(before[-size:]) in self._negations for size in range(1, len(before) + 1))

    def _of_signs(self, text: str) -> list[float]:
        found = [(weight, sum(char in signs for char in text)) for signs, weight in self._signs]
        return [weight for weight, count in found for _ in range(min(count, _MOST_SIGNS))]

    def _of_voice(self, text: str, words: list[str]) -> list[float]:
        """Exclamations, questions in a row, capitals, stretched words."""
        parts = []
        if "?!" in text or "!?" in text:
            parts.append(self._voice["both"])
        if "!!" in text:
            parts.append(self._voice["exclamation"])
        if "???" in text:
            parts.append(self._voice["questions"])
        letters = [char for char in text if char.isalpha()]
        capitals = sum(map(str.isupper, letters))
        if len(words) >= _SHOUTED_WORDS and len(letters) >= _SHOUTED_LETTERS and capitals > len(letters) * 0.7:
            parts.append(self._voice["capitals"])
        if _STRETCHED.search(text):
            parts.append(self._voice["stretched"])
        return parts


def level(score: float) -> int:
    """0 calm, 1 annoyed, 2 angry."""
    return 2 if score >= ANGRY else 1 if score >= ANNOYED else 0


@lru_cache(maxsize=1)
def default_meter() -> AngerMeter:
    """The meter with the project's own table, read once a process."""
    return AngerMeter.load()


def _joint(weights: list[float]) -> float:
    calm = 1.0
    for weight in weights:
        calm *= 1 - weight
    return 1 - calm


def _words(text: str) -> list[str]:
    return _WORD.findall(text)


def _flat(phrases: list[str]) -> list[str]:
    return [word for phrase in phrases for word in _words(phrase)]


def _phrases(phrases: list[str]) -> list[str]:
    return [f" {' '.join(_words(phrase))} " for phrase in phrases if _words(phrase)]
