"""Amounts of money in đồng: "2tr5", "1 triệu rưỡi", "350k", "1.290.000đ", "giá hai trăm rưỡi".

Own code, for price-parser reads "2tr5" as 2 and vietnam-number reads "2 triệu rưỡi" as 1,500,000.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from nlu.entities.reading import Found, Reading

_GATE = re.compile(
    r"\d\s?(?:k|tr|trieu|d|dong|vnd|ngan|nghin|cu|xi|ty|ti)(?![a-z])|\dtr\d|\b(?:trieu|tram|chuc|nghin|ngan)\b"
    r"|\d[.,]\d{3}[.,]\d{3}"
)
_TOKEN = re.compile(r"\d+(?:[.,]\d+)*|[a-z]+|[^\sa-z\d]")
_TABLE: dict[str, Any] = YAML(typ="safe").load(Path(__file__).with_name("money.yml").read_text(encoding="utf-8"))
_UNITS: dict[str, int] = _TABLE["units"]
_SMALL: dict[str, int] = _TABLE["small"]
_SCALES: dict[str, int] = _TABLE["scales"]
_SPELT = {word: frozenset(spellings) for word, spellings in _TABLE["spelt"].items()}
_CURRENCY, _CUES, _VAGUE_CUES, _OTHER_THOUSANDS, _SCREENS, _KARATS, _GOLD, _PRODUCE, _GOES_ON, _MORE_THAN = (
    frozenset(map(str, _TABLE[name]))
    for name in (
        *("currency", "cues", "vague_cues", "other_thousands", "screens", "karats", "gold", "produce", "goes_on"),
        "more_than",
    )
)


@dataclass(frozen=True, slots=True)
class _Token:
    word: str
    start: int
    end: int


def find(reading: Reading) -> Iterator[Found]:
    """Yield `money` entities; the value is a whole number of đồng."""
    if not _GATE.search(reading.plain):
        return
    tokens = [_Token(m[0], m.start(), m.end()) for m in _TOKEN.finditer(reading.plain)]
    at = 0
    while at < len(tokens):
        amount, end = _amount(reading, tokens, at)
        if amount is None:
            at += 1
            continue
        yield reading.found("money", amount, tokens[at].start, tokens[end - 1].end)
        at = end


def _amount(reading: Reading, tokens: list[_Token], at: int) -> tuple[int | None, int]:
    """The amount that begins at token `at` and the token after it; None where none begins."""
    run = _run(reading, tokens, at)
    if not run:
        return None, at
    end = at + len(run)
    currency = end < len(tokens) and tokens[end].word in _CURRENCY and _is_currency(reading, tokens[end], run)
    value = _value([token.word for token in run])
    words = {token.word for token in run}
    named = bool(words & _SCALES.keys()) and (len(run) > 1)
    grouped = _grouped(run[0].word) if len(run) == 1 else 0
    meant = (
        named or currency or grouped > 1 or (bool(words & {"tram", "chuc"}) and len(run) > 1 and _cued(reading, run))
    )
    if value is None or not meant or _something_else(reading, run):
        return None, at
    if not named and not currency and not grouped:
        value *= 1000  # "giá hai trăm rưỡi" is said of thousands
    return int(value), end + currency


def _run(reading: Reading, tokens: list[_Token], at: int) -> list[_Token]:
    """The longest row of figures, number words and scales that begins at `at` and reads as one amount."""
    first = tokens[at].word
    if not (first[0].isdigit() or _number_word(reading, tokens[at]) or first == "trieu"):
        return []
    run = [tokens[at]]
    for token in tokens[at + 1 :]:
        digits = token.word[0].isdigit()
        if reading.plain[run[-1].end : token.start].strip(" ") or (
            digits and run[-1].word not in _SCALES and run[-1].word != "tram"
        ):
            break
        if not (digits or _number_word(reading, token) or _scale(reading, token, run) or token.word == "ruoi"):
            break
        run.append(token)
    return _trimmed(reading, run, tokens, at)


def _trimmed(reading: Reading, run: list[_Token], tokens: list[_Token], at: int) -> list[_Token]:
    """Leave out a last figure that counts something else: "2 triệu 3 cái"; and a number with no scale before words."""
    last = run[-1]
    if len(run) > 1 and last.word not in _SCALES and last.word != "ruoi" and run[-2].word in _SCALES:
        after = tokens[at + len(run)].word if at + len(run) < len(tokens) else ""
        apart = last.start > run[-2].end
        if apart and after.isalpha() and after not in _GOES_ON:
            return run[:-1]
    return run


def _number_word(reading: Reading, token: _Token) -> bool:
    return (token.word in _UNITS or token.word in _SMALL) and _spelt_so(reading, token)


def _scale(reading: Reading, token: _Token, run: list[_Token]) -> bool:
    if token.word not in _SCALES or not _spelt_so(reading, token):
        return False
    if token.word == "k" and token.start > run[-1].end:  # "còn 10 k shop": k may be không
        return run[-1].word[0].isdigit() and _cued(reading, run, _CUES)
    return token.word not in ("cu", "xi", "k", "tr") or run[-1].word[0].isdigit() or token.word in ("cu", "xi")


def _spelt_so(reading: Reading, token: _Token) -> bool:
    wanted = _SPELT.get(token.word)
    return wanted is None or reading.spelt[token.start : token.end] in wanted


def _is_currency(reading: Reading, token: _Token, run: list[_Token]) -> bool:
    if token.word != "d":
        return True
    if reading.spelt[token.start] == "đ":  # "9đ" is a mark out of ten
        return run[-1].word not in _UNITS and (len(run[-1].word) > 2 or run[-1].word in _SCALES)
    return len(run[-1].word) > 3 and token.start == run[-1].end


def _cued(reading: Reading, run: list[_Token], cues: frozenset[str] = _CUES | _VAGUE_CUES) -> bool:
    near = reading.before(run[0].start, 2)
    return bool(cues & set(near)) and not (near[:1] and near[0] in _MORE_THAN)


def _something_else(reading: Reading, run: list[_Token]) -> bool:
    """Whether the number counts followers, pixels or roots."""
    after = reading.after(run[-1].end, 1)
    if run[-1].word == "k" and after and after[0] in _OTHER_THOUSANDS:
        return True
    if run[0].word in ("2", "4", "8") and run[-1].word == "k":
        return bool(_SCREENS & {*reading.before(run[0].start, 3), *reading.after(run[-1].end, 2)}) or run[0].word != "2"
    if run[0].word in _KARATS and run[-1].word == "k" and _GOLD & set(reading.before(run[0].start, 4)):
        return True
    return run[-1].word == "cu" and bool(after) and after[0] in _PRODUCE


def _grouped(figure: str) -> int:
    """How many groups of thousands a figure has: 2 for 1.290.000."""
    return len(re.split(r"[.,]", figure)) - 1 if re.fullmatch(r"\d{1,3}(?:[.,]\d{3})+", figure) else 0


def _figure(word: str) -> Decimal:
    if _grouped(word):
        return Decimal(re.sub(r"\D", "", word))
    head, _, tail = word.replace(",", ".").partition(".")
    return Decimal(f"{head}.{re.sub('[^0-9]', '', tail) or '0'}")


def _value(words: list[str]) -> Decimal | None:
    """Read figures and number words together. None for what is no number ("mươi mốt" with nothing before)."""
    total, current, scale = Decimal(0), None, 0
    group = Decimal(0)
    tail = ""
    for word in words:
        if word in _SCALES:
            factor = Decimal(_SCALES[word])
            amount = group + (current or 0)
            total += (amount if group or current is not None else Decimal(1)) * factor
            group, current, scale, tail = Decimal(0), None, int(factor), ""
        elif word == "ruoi":
            total += Decimal(scale) / 2 if current is None and not group else 0
            group += Decimal(50) if group and current is None else 0
        elif word in _SMALL and not (word == "muoi" and current is None):
            group += (current if current is not None else Decimal(1)) * _SMALL[word]
            current, tail = None, word
        else:
            current = _figure(word) if word[0].isdigit() else Decimal(_UNITS[word])
            tail = word
    rest = group + (current or 0)
    return total + _rest(rest, tail, bool(group), scale) if scale else rest


def _rest(rest: Decimal, tail: str, hundreds: bool, scale: int) -> Decimal:
    """What follows the last scale: "2tr5" and "2 triệu 350" continue it, "hai triệu ba trăm" goes on in thousands."""
    if not rest or not tail:
        return Decimal(0) if not rest else rest * 1000
    if hundreds:
        return rest * (scale // 1000 if scale > 1000 else 1)
    digits = tail if tail[0].isdigit() else "1"
    return rest * scale / (10 ** len(digits)) if scale >= 10**3 else rest
