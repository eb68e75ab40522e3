"""Word lists of `data/words/*.yml`: what customers say, and the short labels put into sentences."""

import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from crm import text
from crm.settings import settings

_WORD = re.compile(r"\w+")


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
    """The longest of `phrases` that stands in `said` as whole words, or None."""
    padded = f" {normal(said)} "
    found = [phrase for phrase in phrases if f" {_normal(phrase)} " in padded]
    return max(found, key=len, default=None)


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


@lru_cache(maxsize=4096)
def _normal(phrase: str) -> str:
    return normal(phrase)


@lru_cache(maxsize=16)
def _read(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded
