"""The days on which a whole audience is greeted, from `data/holidays.yml`."""

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import ColumnElement, and_, or_, true

from crm import occasions
from crm.errors import SettingsProblem
from crm.models.people import Address, CalendarKind, Customer, CustomerKind
from crm.settings import settings

LAST = "last"


@dataclass(frozen=True)
class Audience:
    """Whom a holiday is for. An empty field asks for nothing; occupations are words looked for in the occupation."""

    kinds: tuple[CustomerKind, ...] = ()
    addresses: tuple[Address, ...] = ()
    occupations: tuple[str, ...] = ()

    def holds(self) -> ColumnElement[bool]:
        """Which rows of `customers` belong to it."""
        asked: list[ColumnElement[bool]] = [true()]
        if self.kinds:
            asked.append(Customer.kind.in_(self.kinds))
        if self.addresses:
            asked.append(Customer.address.in_(self.addresses))
        if self.occupations:
            asked.append(or_(*(Customer.occupation.icontains(word, autoescape=True) for word in self.occupations)))
        return and_(*asked)


@dataclass(frozen=True)
class Holiday:
    """`day` None is the last day of the month; `template` is a key of greetings.yml."""

    key: str
    name: str
    calendar: CalendarKind
    month: int
    day: int | None
    audience: Audience
    template: str

    def falls_on(self, on: date) -> bool:
        """Whether the holiday is kept on the date `on`."""
        if self.day is None:
            return occasions.ends_month(self.calendar, self.month, on)
        return occasions.falls_on(self.calendar, self.day, self.month, False, on)


def enabled() -> tuple[Holiday, ...]:
    """The holidays the shop greets on, the one that goes first on a shared day first. Raises SettingsProblem."""
    return _load(settings().data_dir / "holidays.yml")


def kept_on(on: date) -> list[Holiday]:
    """The holidays of the date `on`, in the order of the file."""
    return [holiday for holiday in enabled() if holiday.falls_on(on)]


@lru_cache(maxsize=4)
def _load(path: Path) -> tuple[Holiday, ...]:
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    try:
        audiences = {key: _audience(entry or {}) for key, entry in raw["audiences"].items()}
        return tuple(_holiday(entry, audiences) for entry in raw["holidays"] if entry.get("enabled", True))
    except (KeyError, ValueError) as error:
        raise SettingsProblem(f"{path.name}: {error} is missing or unknown") from error


def _audience(entry: dict[str, Any]) -> Audience:
    return Audience(
        kinds=tuple(CustomerKind(kind) for kind in entry.get("kinds", ())),
        addresses=tuple(Address(form) for form in entry.get("forms_of_address", ())),
        occupations=tuple(str(word) for word in entry.get("occupation_contains", ())),
    )


def _holiday(entry: dict[str, Any], audiences: dict[str, Audience]) -> Holiday:
    return Holiday(
        key=str(entry["key"]),
        name=str(entry["name"]),
        calendar=CalendarKind(entry["calendar"]),
        month=int(entry["month"]),
        day=None if entry["day"] == LAST else int(entry["day"]),
        audience=audiences[entry["audience"]],
        template=str(entry["template"]),
    )
