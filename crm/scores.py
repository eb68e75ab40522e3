"""A score from 1 to 5 out of what a customer says (`data/words/rating.yml`)."""

import math
import re

from crm.text import fold
from crm.words import is_just, mentioned, normal, words

_OF = re.compile(r"(\d{1,2}(?:[.,]\d)?)\s*/\s*(5|10)\b")
NEUTRAL, BELOW_NEUTRAL = 3, 2
_STARS = re.compile("[⭐★*]")


def score_in(said: str) -> int | None:
    """The score that `said` gives, or None: "4 sao", "8/10", "⭐⭐⭐", "tạm được", "quá tệ", "5"."""
    return _fraction(said) or _with_unit(said) or _starred(said) or word_in(said) or _bare(said)


def number_in(said: str) -> int | None:
    """The score that `said` gives by a number or stars, or None; words are praise or blame, unless they were asked."""
    return _fraction(said) or _with_unit(said) or _starred(said) or _bare(said)


def _fraction(said: str) -> int | None:
    found = _OF.search(said)
    return _scaled(float(found[1].replace(",", ".")), 10 if found[2] == "10" else 5) if found else None


def _with_unit(said: str) -> int | None:
    units = "|".join(normal(unit) for unit in words("rating")["units"])
    numbers = {normal(word): value for word, value in words("rating")["numbers"].items()}
    pattern = rf"(?<![\w.,])(\d{{1,2}}(?:[.,]\d)?|{'|'.join(numbers)})\s*(?:{units})\b"
    found = re.search(pattern, fold(said))
    if found is None:
        before = "|".join(normal(word) for word in words("rating")["before"])
        led = re.search(rf"\b(?:{before})\s+([1-5])(?![\w.,]|\s*[/x])", fold(said))
        return int(led[1]) if led else None
    value = float(numbers.get(found[1], 0)) or float(found[1].replace(",", "."))
    return _scaled(value, 10 if value > 5 else 5)


def _starred(said: str) -> int | None:
    count = len(_STARS.findall(said))
    digit = re.search(r"([1-5])\s*[⭐★*]", said)
    if digit:
        return int(digit[1])
    return count if 1 <= count <= 5 else None


def word_in(said: str) -> int | None:
    """The score that the words of `said` stand for, or None: "tạm được", "quá tệ"."""
    phrases = {phrase: score for score, known in words("rating")["scores"].items() for phrase in known}
    found = mentioned(said, phrases)
    if found and phrases[found] > NEUTRAL and mentioned(said, [f"{no} {found}" for no in words("rating")["negations"]]):
        return BELOW_NEUTRAL
    return int(phrases[found]) if found else None


def _bare(said: str) -> int | None:
    return next((score for score in range(1, 6) if is_just(said, [str(score)])), None)


def _scaled(value: float, best: int) -> int | None:
    if value > best:
        return None
    return min(5, max(1, math.floor(value * 5 / best + 0.5)))
