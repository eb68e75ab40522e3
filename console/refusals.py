"""What the CRM refused, as a sentence that says what to do."""

from console import customer_refusals, integration_refusals, safety_refusals
from console.language import _
from console.phrases import field, number, variable
from crm.campaign_approval import SecondPersonNeeded
from crm.canned import Holes
from crm.errors import (
    AlreadyHeld,
    IllegalTransition,
    InvalidInput,
    NotFound,
    PermissionDenied,
    TrainingUnderWay,
    TrianError,
)
from crm.personal_fields import MissingField


def refusal(error: TrianError) -> str:
    """What the CRM refused, as a sentence that says what to do."""
    if (said := safety_refusals.sentence(error)) is not None:
        return said
    if (said := customer_refusals.sentence(error)) is not None:
        return said
    if (said := integration_refusals.sentence(error)) is not None:
        return said
    if isinstance(error, AlreadyHeld):
        return _("A colleague is already looking after this conversation. Agree with them before you step in.")
    if isinstance(error, IllegalTransition):
        return _("This is no longer possible: the state has changed in the meantime. The page shows it as it is now.")
    if isinstance(error, TrainingUnderWay):
        return _("The model is being worked on already. Wait until that has ended; it shows on this page.")
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
    if isinstance(error, Holes):
        return _("Fill in first: {fields}").format(fields=", ".join(map(variable, error.names)))
    if isinstance(error, InvalidInput):
        return _wrong(error)
    return _("That did not work. Please try again.")


def _wrong(error: InvalidInput) -> str:
    known = {
        "resolution": _("Write the answer that the customer shall read."),
        "question": _("Write what the customer shall tell us."),
        "owner": _("This person does not look after complaints."),
        "reason": _("Say why: the reason stays in the history."),
        "step": _("Say what was done or is to be done."),
        "done_on": _("Choose a day between the complaint and today."),
        "due_on": _("Choose today or a later day."),
        "partner": _("We do not deal with this partner any more."),
        "partner_answer": _("Write what the partner answered."),
        "partner_name": _("Give the partner a name of its own, at most 200 characters."),
        "amount": _("Enter an amount in đồng, without a sign, at most a billion."),
        "merge": _("Only another open case of the same customer can be joined."),
        "description": _("Say what happened."),
        "outcome": _("Write what was done for the customer."),
        "name": _("Give it a name of at most 200 characters."),
        "text": _(
            "The text is empty, too long, or has something else in braces than {address}, {name}, {tier}, {points}, "
            "{voucher}, {shop}."
        ),
        "audience": _("Choose who shall receive it."),
        "at": _("Choose a time that lies in the future."),
        "send_at": _("Choose a time that lies in the future, within three months."),
        "due_at": _("Choose a time that lies in the future, within three months."),
        "words": _("Say in a few words what you promise."),
        "reply": _("Write something, at most 4,000 characters."),
        "note": _("Write something, at most 4,000 characters."),
        "title": _("Give it a title of at most 100 characters."),
        "canned_text": _("The text is empty, too long, or has something in braces that is no variable."),
        "file_empty": _("This file is empty. Choose another one."),
        "file_size": _("This file is too large. At most 20 MB can be sent."),
    }
    return known.get(error.field, _("Please check what you entered: {field}").format(field=error.field))


def database_away() -> str:
    """The database did not answer."""
    return _("The data could not be reached just now. Nothing was changed; please try again in a moment.")
