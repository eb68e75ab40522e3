"""Word lists of `data/words/*.yml`: what customers say, and the short labels put into sentences."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from crm import text
from crm.settings import settings

_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Token:
    """A word without its accents, and its spelling with them."""

    folded: str
    spelt: str


def words(name: str) -> dict[str, Any]:
    """The list file `name`, read once. Raises FileNotFoundError."""
    return _read(settings().data_dir / "words" / f"{name}.yml")


def label(path: str, **values: object) -> str:
    """The label at `path` ("buttons.skip") of `labels.yml`, with `values` filled in. Raises KeyError."""
    found: Any = words("labels")
    for key in path.split("."):
        found = found[key]
    return str(found).format(**values)


def normal(said: str) -> str:
    """Words only, lower case, without accents, one space between: what phrases are compared by."""
    return " ".join(_WORD.findall(text.fold(said)))


def mentioned(said: str, phrases: Iterable[str]) -> str | None:
    """The longest of `phrases` that stands in `said` as whole words, or None.

    A word typed without accents stands for any accents; one typed with accents means itself: "hơn" is not "hỗn".
    """
    heard = _tokens(said)
    return max((phrase for phrase in phrases if _stands_in(_phrase(phrase), heard)), key=len, default=None)


def _stands_in(phrase: tuple[Token, ...], heard: tuple[Token, ...]) -> bool:
    starts = range(len(heard) - len(phrase) + 1)
    return bool(phrase) and any(all(map(_same, phrase, heard[start:])) for start in starts)


def _same(meant: Token, typed: Token) -> bool:
    return meant.folded == typed.folded and (typed.spelt in (typed.folded, meant.spelt) or meant.spelt == meant.folded)


def is_just(said: str, phrases: Iterable[str]) -> bool:
    """Whether `said` is one of `phrases` and nothing but small polite words."""
    polite = {_normal(word) for word in words("dialogue")["polite"]}
    wanted = {_normal(phrase) for phrase in phrases}
    tokens = normal(said).split()
    while tokens and " ".join(tokens) not in wanted and tokens[-1] in polite:
        tokens.pop()
    while tokens and " ".join(tokens) not in wanted and tokens[0] in polite:
        tokens.pop(0)
    return " ".join(tokens) in wanted


def _tokens(said: str) -> tuple[Token, ...]:
    composed = unicodedata.normalize("NFC", said)
    return tuple(Token(text.fold(word), text.spelling(word)) for word in _WORD.findall(composed))


@lru_cache(maxsize=4096)
def _phrase(phrase: str) -> tuple[Token, ...]:
    return _tokens(phrase)


@lru_cache(maxsize=4096)
def _normal(phrase: str) -> str:
    return normal(phrase)


@lru_cache(maxsize=16)
def _read(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded
