"""Texts that the product itself sends, from `data/templates/messages.yml`: nothing a customer reads is in Python."""

import re
import string
from functools import lru_cache
from pathlib import Path

import yaml

from crm.customers import words_for
from crm.models.people import Customer
from crm.settings import settings
from crm.shop import shop

_NAME_AFTER_ADDRESS = re.compile(r"(\{[aA]ddress\})\s+\{name\}")
_NAME_ALONE = re.compile(r"\{name\}")


def message(key: str, customer: Customer, **values: str) -> str:
    """The text `key` with the customer's own words and `values` filled in. Raises KeyError for a hole."""
    return fill(_texts("messages")[key], customer, **values)


def plain(key: str) -> str:
    """The text `key` that has nothing to fill in. Raises KeyError."""
    return _texts("messages")[key].strip()


def for_staff(key: str, **values: str) -> str:
    """The text `key` of staff.yml, which staff read, with `values` filled in. Raises KeyError for a hole."""
    return string.Formatter().vformat(_texts("staff")[key], (), values).strip()


def fill(template: str, customer: Customer, **values: str) -> str:
    """`template` with {address}, {name} … of the customer, {shop} and `values`. Raises KeyError for a hole.

    Somebody whose name is not known, or has no letter in it, is called by the form of address alone.
    """
    words = {**shop_words(), **words_for(customer), **values}
    if not any(letter.isalnum() for letter in words["name"]):
        template = without_name(template)
    return string.Formatter().vformat(template, (), words).strip()


def shop_words() -> dict[str, str]:
    """The words of the shop that every text may use: shop, hotline, hours."""
    return {"shop": shop().name, "hotline": shop().hotline, "hours": shop().hours}


def without_name(template: str) -> str:
    """`template` for somebody without a name: "chúc {address} {name}" becomes "chúc {address}", and no gap is left."""
    return _NAME_ALONE.sub("{address}", _NAME_AFTER_ADDRESS.sub(r"\1", template))


def commands() -> dict[str, str]:
    """The bot's command menu: command without its slash → what it says beside it."""
    return _texts("commands")


def _texts(name: str) -> dict[str, str]:
    return _load(settings().data_dir / "templates" / f"{name}.yml")


@lru_cache(maxsize=4)
def _load(path: Path) -> dict[str, str]:
    loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {str(key): str(value) for key, value in loaded.items()}
