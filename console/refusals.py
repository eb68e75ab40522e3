"""What the CRM refused, as a sentence that says what to do."""

from console.language import _
from console.phrases import field, number
from crm.campaign_approval import SecondPersonNeeded
from crm.errors import AlreadyHeld, IllegalTransition, InvalidInput, NotFound, PermissionDenied, TrianError
from crm.personal_fields import MissingField


def refusal(error: TrianError) -> str:
    """What the CRM refused, as a sentence that says what to do."""
    if isinstance(error, AlreadyHeld):
        return _("A colleague is already looking after this conversation. Agree with them before you step in.")
    if isinstance(error, IllegalTransition):
        return _("This is no longer possible: the state has changed in the meantime. The page shows it as it is now.")
    if isinstance(error, SecondPersonNeeded):
        words = _("It goes to {people} people: a colleague must approve it. It is saved; ask them to open it.")
        return words.format(people=number(error.people))
    if isinstance(error, PermissionDenied):
        return _("Your account has no right to do this.")
    if isinstance(error, NotFound):
        return _("This does not exist any more. Go back to the list.")
    if isinstance(error, MissingField):
        words = _("Not everybody has: {fields}. Take it out, or write words instead: {tier|…}.")
        return words.replace("{fields}", ", ".join(field(name) for name in error.counts))
    if isinstance(error, InvalidInput):
        return _wrong(error)
    return _("That did not work. Please try again.")


def _wrong(error: InvalidInput) -> str:
    known = {
        "resolution": _("Write the answer that the customer shall read."),
        "name": _("Give it a name of at most 200 characters."),
        "text": _(
            "The text is empty, too long, or has something else in braces than {address}, {name}, {tier}, {points}, "
            "{voucher}, {shop}."
        ),
        "audience": _("Choose who shall receive it."),
        "at": _("Choose a time that lies in the future."),
    }
    return known.get(error.field, _("Please check what you entered: {field}").format(field=error.field))


def database_away() -> str:
    """The database did not answer."""
    return _("The data could not be reached just now. Nothing was changed; please try again in a moment.")
