"""The days on which a whole audience is greeted, from `data/holidays.yml`."""

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import ColumnElement, or_, true

from crm import occasions
from crm.errors import SettingsProblem
from crm.models.people import Address, CalendarKind, Customer
from crm.settings import settings

LAST = "last"
_WOMEN = (Address.CHI, Address.CO)


@dataclass(frozen=True)
class Holiday:
    """`day` None is the last day of the month. `audience` is "all", "women", or "occupation" with `occupations`."""

    key: str
    name: str
    calendar: CalendarKind
    month: int
    day: int | None
    audience: str
    template: str
    occupations: tuple[str, ...] = ()

    def falls_on(self, on: date) -> bool:
        """Whether the holiday is kept on the date `on`."""
        if self.day is None:
            return occasions.ends_month(self.calendar, self.month, on)
        return occasions.falls_on(self.calendar, self.day, self.month, False, on)

    def concerns(self) -> ColumnElement[bool]:
        """Which rows of `customers` are greeted: women are those who are called chị or cô."""
        if self.audience == "women":
            return Customer.address.in_(_WOMEN)
        if self.audience == "occupation":
            return or_(*(Customer.occupation.icontains(word, autoescape=True) for word in self.occupations))
        return true()


def every() -> tuple[Holiday, ...]:
    """All holidays, the one that goes first on a shared day first."""
    return _load(settings().data_dir / "holidays.yml")


def kept_on(on: date) -> list[Holiday]:
    """The holidays of the date `on`, in the order of the file."""
    return [holiday for holiday in every() if holiday.falls_on(on)]


@lru_cache(maxsize=4)
def _load(path: Path) -> tuple[Holiday, ...]:
    return tuple(_holiday(entry) for entry in yaml.safe_load(path.read_text(encoding="utf-8")))


def _holiday(entry: dict[str, Any]) -> Holiday:
    audience, occupations = str(entry["audience"]), tuple(str(word) for word in entry.get("occupations", ()))
    if audience not in ("all", "women", "occupation") or (audience == "occupation") != bool(occupations):
        raise SettingsProblem(f"holidays.yml: {entry['key']}: audience is all, women, or occupation with occupations")
    return Holiday(
        key=str(entry["key"]),
        name=str(entry["name"]),
        calendar=CalendarKind(entry["calendar"]),
        month=int(entry["month"]),
        day=None if entry["day"] == LAST else int(entry["day"]),
        audience=audience,
        template=str(entry["template"]),
        occupations=occupations,
    )
