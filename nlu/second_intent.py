"""The second thing that one message asks: "nồi cơm nc18 giá bao nhiêu với lại bảo hành mấy năm".

The message is cut in two at each place where it may go on to something else (second_intent.yml), and the intent model
is asked about both parts. Two things are asked only where both parts ask, both are recognised with confidence, as
different intents, and one of them is what the whole message was taken for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ruamel.yaml import YAML

from nlu.entities.reading import Reading, read
from nlu.normalisation import default_normaliser

TABLE = Path(__file__).with_name("second_intent.yml")
Probabilities = Callable[[list[str]], NDArray[np.float64]]

_PUNCTUATION = re.compile(r"[.?!;…\n]+|,|\s[-–]\s|\+")
_FEWEST_WORDS = 2
_MOST_CUTS = 6
_NEVER = 2.0
_WEAKEST = 0.45  # of both parts, after a strong connector or a full stop
_WEAKEST_APART = 0.8  # of both parts, after a comma or a small word
_WEAKEST_NEIGHBOUR = 0.75  # of both parts of neighbours (one story often looks like both), after a strong connector
_WEAKEST_NEIGHBOUR_APART = 0.9  # the same after a comma; never with a complaint, whose story has many sides


@dataclass(frozen=True, slots=True)
class SecondIntent:
    """What else is asked: `confidence` of its own part, which is text[start:end] of the message as typed."""

    name: str
    confidence: float
    text: str
    start: int
    end: int

    def as_property(self) -> dict[str, Any]:
        """The shape of the parse result."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Cut:
    """Two parts of the folded text: up to `left`, and from `right` on; `strong`: something new is announced."""

    left: int
    right: int
    strong: bool


def find(text: str, first: str, probabilities: Probabilities, intents: Sequence[str]) -> SecondIntent | None:
    """The second intent of `text`, or None.

    Args:
        text: the message as typed.
        first: the intent the whole message was taken for.
        probabilities: of normalised texts, an array of the shape (texts, intents).
        intents: their names, in the order of the columns.
    """
    if first not in _asking():
        return None
    reading = read(text)
    cuts = _cuts(reading)
    if not cuts:
        return None

    def ask(spans: list[tuple[int, int]]) -> NDArray[np.float64]:
        normalise = default_normaliser()
        return probabilities([normalise(reading.typed(*_trimmed(reading, span))) for span in spans])

    ends = ask([(cut.right, len(reading.plain)) for cut in cuts])
    # Most messages ask one thing: what does not even end in a question of its own is not looked at further.
    likely = [(cut, row) for cut, row in zip(cuts, ends, strict=True) if _asked(row, intents)]
    if not likely:
        return None
    best: tuple[float, SecondIntent] | None = None
    for (cut, right), left in zip(likely, ask([(0, cut.left) for cut, _ in likely]), strict=True):
        found = _judged(reading, cut, first, (left, right), intents)
        if found is not None and (best is None or found[0] > best[0]):
            best = found
    return best[1] if best else None


def _needed(cut: Cut, pair: frozenset[str]) -> float:
    """How sure both parts must be: one story is often told so that its parts look like two questions."""
    if pair not in _neighbours():
        return _WEAKEST if cut.strong else _WEAKEST_APART
    if cut.strong:
        return _WEAKEST_NEIGHBOUR
    return _WEAKEST_NEIGHBOUR_APART if "complaint" not in pair else _NEVER


def _asked(row: NDArray[np.float64], intents: Sequence[str]) -> bool:
    best = int(row.argmax())
    return intents[best] in _asking() and float(row[best]) >= _WEAKEST


def _judged(
    reading: Reading,
    cut: Cut,
    first: str,
    rows: tuple[NDArray[np.float64], NDArray[np.float64]],
    intents: Sequence[str],
) -> tuple[float, SecondIntent] | None:
    """What a cut makes of the message: the lesser confidence of its parts, and the part that is not `first`."""
    names = [intents[int(row.argmax())] for row in rows]
    sure = [float(row.max()) for row in rows]
    if names[0] == names[1] or first not in names or not set(names) <= _asking():
        return None
    if min(sure) < _needed(cut, frozenset(names)):
        return None
    other = 1 if names[0] == first else 0
    span = _trimmed(reading, (cut.right, len(reading.plain)) if other else (0, cut.left))
    start, end = reading.starts[span[0]], reading.ends[span[1] - 1]
    return min(sure), SecondIntent(names[other], round(sure[other], 4), reading.text[start:end], start, end)


def _cuts(reading: Reading) -> list[Cut]:
    """Where the message may be cut, strong places first; both parts have words and ask for something."""
    found: dict[int, Cut] = {}
    for match in _PUNCTUATION.finditer(reading.plain):
        strong = match[0][0] in "?!;\n"
        found[match.end()] = Cut(match.start() + (match[0][0] in "?"), match.end(), strong)
    for match in _connectors().finditer(reading.plain):
        strong = " ".join(match[0].split()) in _table()["strong"]
        after_sign = any(abs(place - match.start()) <= 1 for place in found)
        if strong or not after_sign:
            found[match.start()] = Cut(
                match.start(), match.end() if not _asks_itself(match[0]) else match.start(), strong
            )
    cuts = [cut for cut in found.values() if _whole(reading, cut)]
    return sorted(cuts, key=lambda cut: not cut.strong)[:_MOST_CUTS]


def _asks_itself(connector: str) -> bool:
    """ "cho hỏi" stays with the part that it opens."""
    return "hoi" in connector.split()


def _whole(reading: Reading, cut: Cut) -> bool:
    left = [word.plain for word in reading.words if word.end <= cut.left]
    right = [word.plain for word in reading.words if word.start >= cut.right]
    if len(left) < _FEWEST_WORDS or len(right) < _FEWEST_WORDS:
        return False
    return cut.strong or (_asks(left) and _asks(right))


def _asks(words: list[str]) -> bool:
    said = f" {' '.join(words)} "
    return any(f" {phrase} " in said for phrase in _table()["asks"])


def _trimmed(reading: Reading, span: tuple[int, int]) -> tuple[int, int]:
    """The span without blanks, commas and the like at its ends (a question mark stays)."""
    part = reading.plain[span[0] : span[1]]
    start = span[0] + len(part) - len(part.lstrip(" \n,.;:-–+…"))
    end = span[1] - (len(part) - len(part.rstrip(" \n,.;:-–+…")))
    return start, max(start + 1, end)


@lru_cache(maxsize=1)
def _table() -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe").load(TABLE.read_text(encoding="utf-8"))
    return loaded


@lru_cache(maxsize=1)
def _asking() -> frozenset[str]:
    return frozenset(_table()["asking"])


@lru_cache(maxsize=1)
def _neighbours() -> frozenset[frozenset[str]]:
    return frozenset(map(frozenset, _table()["neighbours"]))


@lru_cache(maxsize=1)
def _connectors() -> re.Pattern[str]:
    """Connectors inside a message, the longest at each place."""
    phrases = sorted([*_table()["strong"], *_table()["weak"]], key=len, reverse=True)
    return re.compile(rf"(?<=[\s,.?!])(?:{'|'.join(re.escape(phrase) for phrase in phrases)})(?=\s)")
