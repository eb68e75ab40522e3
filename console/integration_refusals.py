"""What was refused of tokens, webhooks and imports, as a sentence that says what to do."""

from console.language import _
from crm import import_words
from crm.errors import InvalidInput, TrianError
from crm.import_tables import Unreadable


def sentence(error: TrianError) -> str | None:
    """The sentence, or None where the error is of another topic."""
    if isinstance(error, Unreadable):
        return import_words.why_file(error.reason)
    if isinstance(error, InvalidInput):
        return {
            "token_name": _("Say in a few words which system the token is for."),
            "scopes": _("Choose at least one right."),
            "webhook_name": _("Say in a few words which system is told."),
            "events": _("Choose at least one thing that it is told."),
            "url": _("Write a public address that begins with https:// and has no password in it."),
        }.get(error.field)
    return None
