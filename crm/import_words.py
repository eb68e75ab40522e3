"""The words of imported files, from data/imports: headings, values, and why something cannot be taken."""

from functools import lru_cache
from typing import Any

import yaml

from crm.models.integration import ImportKind
from crm.records import Problem
from crm.settings import settings
from crm.words import normal


def headings(kind: ImportKind) -> dict[str, str]:
    """The field by each heading it is recognised by, as `crm.words.normal` writes it."""
    known: dict[str, list[str]] = _read("columns")[kind.value]
    return {normal(heading): field for field, names in known.items() for heading in names}


def choice(field: str, said: str) -> str | None:
    """The value that `said` stands for in a field of choices; None for an unknown word."""
    known: dict[str, list[str]] = _read("choices")[field]
    exact = {str(word).lower(): value for value, words in known.items() for word in words}
    loose = {normal(str(word)): value for value, words in known.items() for word in words}
    return exact.get(said.lower()) or (loose.get(normal(said)) if field != "address" else None)


def column(field: str) -> str:
    """What the field is called."""
    return str(_read("words")["columns"].get(field, field))


def why(problem: Problem) -> str:
    """Why the row cannot be taken, in a few words."""
    return str(_read("words")["reasons"][problem.reason.value])


def why_file(reason: str) -> str:
    """Why the whole file cannot be read, in a sentence."""
    return str(_read("words")["files"][reason])


def report_head() -> list[str]:
    """The headings of the list of refused rows."""
    return [str(each) for each in _read("words")["report"]]


@lru_cache(maxsize=8)
def _read(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((settings().data_dir / "imports" / f"{name}.yml").read_text("utf-8"))
    return loaded
