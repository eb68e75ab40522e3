"""The shop that speaks: its name and how to reach it, from `data/shop.yml`."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from crm.settings import settings


@dataclass(frozen=True)
class Shop:
    """`hours` is a sentence people read; `name` stands in every greeting. Working hours: crm/business_calendar.py."""

    name: str
    slogan: str
    hotline: str
    email: str
    website: str
    address: str
    hours: str


def shop() -> Shop:
    """The shop's profile, read once a process."""
    return _load(settings().data_dir / "shop.yml")


@lru_cache(maxsize=4)
def _load(path: Path) -> Shop:
    raw: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return Shop(
        name=str(raw["name"]),
        slogan=str(raw.get("slogan", "")),
        hotline=str(raw["hotline"]),
        email=str(raw.get("email", "")),
        website=str(raw.get("website", "")),
        address=str(raw["address"]),
        hours=str(raw["hours"]["text"]),
    )
