"""Service levels: what a clock counts, and what became of a promise."""

from enum import StrEnum

from console.language import _
from crm.models.service import ClockKind, PromiseState


def words() -> dict[type[StrEnum], dict[StrEnum, str]]:
    return {
        ClockKind: {
            ClockKind.FIRST_RESPONSE: _("First answer"),
            ClockKind.NEXT_RESPONSE: _("Next answer"),
            ClockKind.RESOLUTION: _("Resolution"),
        },
        PromiseState: {
            PromiseState.OPEN: _("Promised"),
            PromiseState.KEPT: _("Promise kept"),
            PromiseState.BROKEN: _("Promise broken"),
            PromiseState.WITHDRAWN: _("Promise withdrawn"),
        },
    }
