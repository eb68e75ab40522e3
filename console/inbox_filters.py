"""What narrows the inbox: reason, tier, holder, unread, and since when; kept in the address."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import date
from enum import StrEnum
from typing import TypeVar

from nicegui import ui

from console.language import _
from console.phrases import word
from console.pieces import attribute, box
from crm.inbox import Filters
from crm.models.conversations import EscalationReason
from crm.models.people import Tier
from crm.models.staff import Staff

OLDEST_YEAR = 2000  # a date of year 1 has no moment in UTC
Value = TypeVar("Value", bound=StrEnum)


def read(reason: str, tier: str, holder: str, unread: str, since: str) -> Filters:
    """The filters of an address; what is no value of theirs narrows nothing."""
    day = None
    with suppress(ValueError):
        day = date.fromisoformat(since)
    return Filters(
        reason=_one_of(EscalationReason, reason),
        tier=_one_of(Tier, tier),
        holder_id=int(holder) if holder.isdecimal() and len(holder) < 18 else None,
        unread=unread == "1",
        since=day if day is not None and day.year >= OLDEST_YEAR else None,
    )


def written(filters: Filters) -> dict[str, str]:
    """The filters as an address holds them; those that narrow nothing are empty."""
    return {
        "reason": filters.reason.value if filters.reason else "",
        "tier": filters.tier.value if filters.tier else "",
        "holder": str(filters.holder_id) if filters.holder_id else "",
        "unread": "1" if filters.unread else "",
        "since": filters.since.isoformat() if filters.since else "",
    }


def _one_of(kind: type[Value], value: str) -> Value | None:
    return kind(value) if value in list(kind) else None


class FilterBar:
    """The fields; `on_change` hears what they say together."""

    def __init__(
        self, filters: Filters, colleagues: list[Staff], on_change: Callable[[Filters], Awaitable[None]]
    ) -> None:
        self._on_change, self._quiet = on_change, False
        now = written(filters)
        with attribute(box("inbox-filters"), role="group", aria_label=_("Filters")) as self.place:
            self._reason = self._choice(_("Any reason"), {each.value: word(each) for each in EscalationReason})
            self._tier = self._choice(_("Any tier"), {each.value: word(each) for each in Tier})
            self._holder = self._choice(_("Anybody"), {str(each.id): each.name for each in colleagues})
            self._since = ui.input(on_change=self._changed).props("outlined dense clearable type=date")
            self._since.props["prefix"] = _("From day")
            attribute(self._since.classes("inbox-since"), aria_label=_("From day"), title=_("From day"))
            self._unread = ui.checkbox(_("Unread only"), on_change=self._changed).classes("inbox-unread")
        self._put(now)

    def clear(self) -> None:
        """Empties the fields, without a word to anybody."""
        self._put(written(Filters()))

    def _choice(self, any_of_them: str, options: dict[str, str]) -> ui.select:
        field = ui.select({"": any_of_them, **options}, value="", on_change=self._changed)
        attribute(field.props("outlined dense options-dense").classes("inbox-choice"), aria_label=any_of_them)
        return field

    def _put(self, now: dict[str, str]) -> None:
        self._quiet = True
        for name, field in (("reason", self._reason), ("tier", self._tier), ("holder", self._holder)):
            field.value = now[name] if now[name] in field.options else ""
        self._since.value, self._unread.value = now["since"], now["unread"] == "1"
        self._quiet = False

    async def _changed(self) -> None:
        if self._quiet:
            return
        reason, tier, holder, since = (
            str(field.value or "") for field in (self._reason, self._tier, self._holder, self._since)
        )
        await self._on_change(read(reason, tier, holder, "1" if self._unread.value else "", since))
