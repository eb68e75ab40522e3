"""Products of the shop's catalogue in what customers type: misspelt, without accents, abbreviated, run together.

A name is compared word by word. Its words may lack accents or swap hỏi and ngã; a word with other accents is another
word ("máy giật" is no "máy giặt"). One word may have a slip of the finger (rapidfuzz): in a name of four words or more
any slip, in a shorter one only what is no Vietnamese syllable ("giawtj"), so that common words never become products.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from rapidfuzz.distance import OSA
from ruamel.yaml import YAML

from nlu.entities.reading import Found, Reading, read
from nlu.normalisation import SYLLABLE, default_normaliser

TABLE = Path(__file__).with_name("products.yml")
_CODE = re.compile(r"[a-z]{1,4}\d{1,4}[a-z]?")
_LONG_NAME = 3
_MOST_POSTS = 200
_VERY_LONG_NAME = 4
_SHORTEST_SLIP = 3
_SHORTEST_JOINED = 6
_NEAR = 4
_HOOK, _TILDE = "\u0309", "\u0303"


@dataclass(frozen=True, slots=True)
class Token:
    """A word of a message or a name: letters, sorted accents, place in the folded text (0 for a name)."""

    plain: str
    marks: str
    start: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class Name:
    """One way to call a product. `sku` has it as a name or alias."""

    sku: str
    tokens: tuple[Token, ...]


class Catalogue:
    """An index of names for quick look-up; built once, asked often, never changed."""

    def __init__(self, products: Iterable[Mapping[str, Any]]) -> None:
        """Args: products: {"sku", "name", "aliases"}, as crm.catalogue_export writes them."""
        self._exact: defaultdict[tuple[str, ...], list[Name]] = defaultdict(list)
        self._joined: defaultdict[str, list[Name]] = defaultdict(list)
        self._posts: defaultdict[str, list[tuple[Name, int]]] = defaultdict(list)
        self._about: dict[str, frozenset[tuple[str, str]]] = {}
        for product in products:
            self._add(str(product["sku"]), [product["name"], product["sku"], *product.get("aliases", ())])
        self._longest = max(map(len, self._exact), default=0)

    def _add(self, sku: str, names: list[Any]) -> None:
        tokenised = [name_tokens(str(name)) for name in names]
        best: dict[tuple[str, ...], tuple[Token, ...]] = {}
        for tokens in filter(None, tokenised):  # "may giat" beside "máy giặt" says nothing more: keep the accents
            key = tuple(token.plain for token in tokens)
            if key not in best or _count(tokens) > _count(best[key]):
                best[key] = tokens
        for key, tokens in best.items():
            name = Name(sku, tokens)
            self._exact[key].append(name)
            if len(key) > 1 and len("".join(key)) >= _SHORTEST_JOINED:
                self._joined["".join(key)].append(name)
                for place, token in enumerate(tokens):
                    self._posts[token.plain].append((name, place))
        self._about[sku] = frozenset((token.plain, token.marks) for tokens in tokenised for token in tokens)

    def find(self, reading: Reading) -> Iterator[Found]:
        """Yield `product` entities, the value a sku: one for each product that fits, sharing the confidence."""
        tokens = message_tokens(reading)
        spans = self._whole(tokens) or self._slips(tokens)
        for (first, last), (names, sure) in _best(spans).items():
            if _everyday(tokens, first, last):
                continue
            yield from self._candidates(reading, tokens, first, last, names, sure)

    def _whole(self, tokens: list[Token]) -> list[tuple[int, int, Name, float]]:
        """Names that stand in the message word by word, from the longest at each place, and names run together."""
        spans = []
        for start, token in enumerate(tokens):
            spans += [(start, start + 1, name, 0.95) for name in self._joined.get(token.plain, ())]
            for size in range(min(self._longest, len(tokens) - start), 0, -1):
                part = tokens[start : start + size]
                for name in self._exact.get(tuple(each.plain for each in part), ()):
                    if _same_accents(part, name.tokens):
                        spans.append((start, start + size, name, 1.0))
        return spans

    def _slips(self, tokens: list[Token]) -> list[tuple[int, int, Name, float]]:
        """Names of which all words but one stand in the message and that one nearly does."""
        places: set[tuple[int, int]] = set()
        spans = []
        for place, token in enumerate(tokens):
            posts = self._posts.get(token.plain, ())
            if len(posts) > _MOST_POSTS:  # a word of very many names says nothing, and would cost milliseconds
                continue
            for name, index in posts:
                start = place - index
                if not 0 <= start <= len(tokens) - len(name.tokens) or (start, id(name)) in places:
                    continue
                places.add((start, id(name)))
                part = tokens[start : start + len(name.tokens)]
                if _one_slip(part, name.tokens):
                    spans.append((start, start + len(part), name, 0.8))
        return spans

    def _candidates(
        self, reading: Reading, tokens: list[Token], first: int, last: int, names: list[Name], sure: float
    ) -> Iterator[Found]:
        near = {(token.plain, token.marks) for token in tokens[max(0, first - 1) : first] + tokens[last : last + _NEAR]}
        shared = {name.sku: len(near & self._about[name.sku]) for name in names}
        fitting = [sku for sku, count in shared.items() if count == max(shared.values())]
        for sku in sorted(fitting):
            confidence = round(sure / len(fitting), 3)
            yield reading.found("product", sku, tokens[first].start, tokens[last - 1].end, confidence)


Span = tuple[int, int]


def _best(spans: list[tuple[int, int, Name, float]]) -> dict[Span, tuple[list[Name], float]]:
    """The longest spans that do not overlap, each with all its names."""
    chosen: dict[Span, tuple[list[Name], float]] = {}
    for first, last, name, sure in sorted(spans, key=lambda each: (each[0] - each[1], each[0])):
        if (first, last) in chosen:
            chosen[first, last][0].append(name)
        elif all(last <= other[0] or other[1] <= first for other in chosen):
            chosen[first, last] = ([name], sure)
    return chosen


def _everyday(tokens: list[Token], first: int, last: int) -> bool:
    """Whether the words go on as other goods, or are an everyday phrase with nothing of a product beside it."""
    phrase = " ".join(token.plain for token in tokens[first:last])
    after = " ".join(token.plain for token in tokens[last : last + 3]) + " "
    if any(after.startswith(f"{words} ") for words in _table()["not_before"].get(phrase, ())):
        return True
    needed = _table()["needs"].get(phrase)
    near = {token.plain for token in tokens[max(0, first - 2) : first] + tokens[last : last + 2]}
    return needed is not None and not near & set(needed)


def _same_accents(typed: list[Token], name: tuple[Token, ...]) -> bool:
    """Whether each word is spelt as in the name; one word of a long name may be accented otherwise."""
    wrong = sum(not _accents_fit(t.marks, n.marks) for t, n in zip(typed, name, strict=True))
    return wrong == 0 or (wrong == 1 and len(name) >= _LONG_NAME)


def _accents_fit(typed: str, name: str) -> bool:
    if not typed or typed == name or typed.replace(_TILDE, _HOOK) == name.replace(_TILDE, _HOOK):
        return True
    return len(typed) < len(name) and all(typed.count(mark) <= name.count(mark) for mark in typed)


def _one_slip(typed: list[Token], name: tuple[Token, ...]) -> bool:
    pairs = [(t, n) for t, n in zip(typed, name, strict=True) if t.plain != n.plain]
    if len(pairs) != 1 or not _same_accents([t for t in typed if t is not pairs[0][0]], _without(name, pairs[0][1])):
        return False
    slip, meant = pairs[0]
    if len(meant.plain) < _SHORTEST_SLIP or _CODE.fullmatch(meant.plain) or slip.plain.isdigit():
        return False
    strange = not is_syllable(slip.plain)
    # "giawtj": the letters that a keyboard left for accents and tones stand between those of the word
    left_over = strange and slip.plain[0] == meant.plain[0] and _holds(slip.plain, meant.plain)
    allowed = 2 if left_over else 1
    return (strange or len(name) >= _VERY_LONG_NAME) and OSA.distance(
        slip.plain, meant.plain, score_cutoff=allowed
    ) <= allowed


def _holds(typed: str, letters: str) -> bool:
    rest = iter(typed)
    return all(letter in rest for letter in letters)


def _without(name: tuple[Token, ...], token: Token) -> tuple[Token, ...]:
    return tuple(each for each in name if each is not token)


def name_tokens(name: str) -> tuple[Token, ...]:
    """The words of a name of the catalogue."""
    return tuple(message_tokens(read(name)))


def message_tokens(reading: Reading) -> list[Token]:
    """The words of a message: abbreviations spelt out (ko: không), "nc 18" and "nc-18" as nc18."""
    tokens = [
        Token(*_letters_and_marks(part), word.start, word.end)
        for word in reading.words
        for part in _spelt_out(word.spelt)
    ]
    return _with_codes(reading, tokens)


@lru_cache(maxsize=8192)
def _spelt_out(word: str) -> list[str]:
    if len(word) >= _NEAR or not word.isalpha():
        return [word]
    return default_normaliser()(word).split() or [word]


@lru_cache(maxsize=8192)
def is_syllable(plain: str) -> bool:
    """Whether a word without accents could be Vietnamese."""
    return SYLLABLE.fullmatch(plain) is not None


def _with_codes(reading: Reading, tokens: list[Token]) -> list[Token]:
    joined: list[Token] = []
    for token in tokens:
        last = joined[-1] if joined else None
        if (
            last
            and token.plain.isdigit()
            and 2 <= len(last.plain) <= 3
            and last.plain.isalpha()
            and not is_syllable(last.plain)
        ):
            between = reading.plain[last.end : token.start]
            if between in ("", " ", "-"):
                joined[-1] = Token(last.plain + token.plain, "", last.start, token.end)
                continue
        joined.append(token)
    return joined


@lru_cache(maxsize=8192)
def _letters_and_marks(word: str) -> tuple[str, str]:
    """`máy` is ("may", its accent); đ counts as a d with a mark. The order of the marks says nothing: nứơc is nước."""
    decomposed = unicodedata.normalize("NFD", word.lower().replace("đ", "d\u0335"))
    letters = "".join(char for char in decomposed if not unicodedata.combining(char))
    return letters, "".join(sorted(char for char in decomposed if unicodedata.combining(char)))


def _count(tokens: tuple[Token, ...]) -> int:
    return sum(len(token.marks) for token in tokens)


@lru_cache(maxsize=1)
def _table() -> dict[str, dict[str, list[str]]]:
    loaded: dict[str, dict[str, list[str]]] = YAML(typ="safe").load(TABLE.read_text(encoding="utf-8"))
    return loaded
