"""Passwords: why one is not taken."""

from enum import StrEnum

from console.language import _
from crm.passwords import SHORTEST, Weakness


def words() -> dict[type[StrEnum], dict[StrEnum, str]]:
    short = _("The password needs at least {n} characters. A short sentence is good.")
    return {
        Weakness: {
            Weakness.LENGTH: short.format(n=SHORTEST),
            Weakness.COMMON: _("Everybody tries this password first. Choose a sentence that only you would say."),
            Weakness.NAME: _("The password contains your name. Choose something that others do not know of you."),
        },
    }
