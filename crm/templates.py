"""Texts that the product itself sends, from `data/templates/messages.yml`: nothing a customer reads is in Python."""

import string
from functools import lru_cache
from pathlib import Path

import yaml

from crm.customers import words_for
from crm.models.people import Customer
from crm.settings import settings


def message(key: str, customer: Customer, **values: str) -> str:
    """The text `key` with the customer's own words and `values` filled in. Raises KeyError for a hole."""
    return fill(_messages(settings().data_dir / "templates" / "messages.yml")[key], customer, **values)


def fill(template: str, customer: Customer, **values: str) -> str:
    """`template` with {address}, {name} … of the customer and `values`. Raises KeyError for a hole."""
    return string.Formatter().vformat(template, (), {**words_for(customer), **values}).strip()


@lru_cache(maxsize=4)
def _messages(path: Path) -> dict[str, str]:
    loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {str(key): str(value) for key, value in loaded.items()}
