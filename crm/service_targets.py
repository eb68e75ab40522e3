"""How long answers may take, from `data/shop.yml`: by severity and tier for complaints, by tier for calls."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from crm.business_calendar import calendar, duration, problem, section, shop_file
from crm.models.care import Severity
from crm.models.people import Tier
from crm.models.service import ClockKind

_WORDS = {"first": ClockKind.FIRST_RESPONSE, "next": ClockKind.NEXT_RESPONSE, "resolution": ClockKind.RESOLUTION}
_OF_CALLS = ("first", "next")
Times = Mapping[ClockKind, timedelta]
Member = TypeVar("Member", bound=StrEnum)


@dataclass(frozen=True)
class Levels:
    """Working time throughout. `tiers` and `warn_left` are shares: 1 is the whole time.

    `tell_before` is wall-clock time: so long before a promise would be broken the customer is told.
    """

    complaints: Mapping[Severity, Times]
    calls: Times
    tiers: Mapping[Tier, float]
    warn_left: float
    manager_after: timedelta
    tell_before: timedelta
    postpone_by: timedelta

    def of_complaint(self, severity: Severity, tier: Tier) -> Times:
        """What a complaint of this severity is given, of a customer of this tier."""
        return self._scaled(self.complaints[severity], tier)

    def of_call(self, tier: Tier) -> Times:
        """What a conversation that waits for a person is given."""
        return self._scaled(self.calls, tier)

    def _scaled(self, times: Times, tier: Tier) -> Times:
        return {kind: time * self.tiers[tier] for kind, time in times.items()}


def levels() -> Levels:
    """The shop's service levels, read once a process. Raises SettingsProblem with what is wrong."""
    return load(shop_file())


def answer_by(moment: datetime, severity: Severity, tier: Tier = Tier.NONE) -> datetime:
    """By when (UTC) a complaint reported at `moment` gets its first answer."""
    return calendar().due(moment, levels().of_complaint(severity, tier)[ClockKind.FIRST_RESPONSE])


@lru_cache(maxsize=4)
def load(path: Path) -> Levels:
    """The levels of the file. Raises SettingsProblem."""
    raw, said = section(path, "service_levels"), section(path, "promises")
    complaints = _each(Severity, _group(raw, "complaints"), "service_levels.complaints")
    shares = _each(Tier, _group(raw, "tiers"), "service_levels.tiers")
    return Levels(
        complaints={key: _times(entry, tuple(_WORDS), at) for key, (entry, at) in complaints.items()},
        calls=_times(raw.get("calls"), _OF_CALLS, "service_levels.calls"),
        tiers={key: _share(entry, at) for key, (entry, at) in shares.items()},
        warn_left=_share(raw.get("warn_left"), "service_levels.warn_left"),
        manager_after=duration(raw.get("manager_after"), "service_levels.manager_after"),
        tell_before=duration(said.get("tell_before"), "promises.tell_before"),
        postpone_by=duration(said.get("postpone_by"), "promises.postpone_by"),
    )


def _group(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = raw.get(name)
    if not isinstance(found, dict):
        raise problem(f"service_levels.{name}", "is missing or not a group of settings")
    return found


def _each(enum: type[Member], raw: Mapping[str, Any], at: str) -> dict[Member, tuple[Any, str]]:
    wanted = {member.value for member in enum}
    if set(raw) != wanted:
        raise problem(at, f"must have exactly {', '.join(sorted(wanted))}")
    return {member: (raw[member.value], f"{at}.{member.value}") for member in enum}


def _times(raw: object, wanted: tuple[str, ...], at: str) -> Times:
    if not isinstance(raw, dict) or set(raw) != set(wanted):
        raise problem(at, f"must have exactly {', '.join(wanted)}")
    return {_WORDS[word]: duration(raw[word], f"{at}.{word}") for word in wanted}


def _share(raw: object, at: str) -> float:
    if not isinstance(raw, int) or not 1 <= raw <= 100:
        raise problem(at, f"is {raw!r}; write a whole number of per cent from 1 to 100")
    return raw / 100
