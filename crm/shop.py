"""The shop that speaks: its name and how to reach it, from `data/shop.yml`."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from crm.settings import settings


@dataclass(frozen=True)
class Shop:
    """`hours` is a sentence people read; `name` stands in every greeting.

    Staff answer from `opens_hour` to `closes_hour` (local) every day; `answer_hours` maps a complaint's severity to
    the working hours within which it is answered.
    """

    name: str
    slogan: str
    hotline: str
    email: str
    website: str
    address: str
    hours: str
    opens_hour: int
    closes_hour: int
    answer_hours: dict[str, int]


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
        opens_hour=int(raw["hours"]["open"].partition(":")[0]),
        closes_hour=int(raw["hours"]["close"].partition(":")[0]),
        answer_hours={str(severity): int(hours) for severity, hours in raw["complaint_answer_hours"].items()},
    )
