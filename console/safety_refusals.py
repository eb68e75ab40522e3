"""Refusals about people and log-ins, as sentences that say what to do."""

from console.language import _
from console.vocabulary import word
from crm.errors import InvalidInput, TrianError
from crm.passwords import WeakPassword
from crm.staff_admin import LastOne, OwnAccount, OwnersOnly


def sentence(error: TrianError) -> str | None:
    """The sentence; None for what this module knows nothing of."""
    if isinstance(error, WeakPassword):
        return word(error.weakness)
    if isinstance(error, OwnAccount):
        return _("Nobody changes their own role or rights. Ask another administrator.")
    if isinstance(error, OwnersOnly):
        return _("Only an owner makes owners or changes them.")
    if isinstance(error, LastOne):
        return _("Somebody has to stay who runs the system. Give another person this role first.")
    if isinstance(error, InvalidInput):
        return {
            "username": _("A user name has 2 to 64 small letters, digits, dots or dashes."),
            "username_taken": _("This user name is taken. Choose another one."),
            "staff_name": _("Write the person's name, at most 200 characters."),
            "capacity": _("Choose a number from 0 to 100, or leave it empty."),
        }.get(error.field)
    return None
