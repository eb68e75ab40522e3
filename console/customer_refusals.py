"""What was refused about a customer's record or their data, as a sentence that says what to do."""

from console.language import _
from crm.customer_edits import EditedMeanwhile, NothingToUndo
from crm.errors import InvalidInput, TrianError
from crm.personal_data_erase import LegalHold


def sentence(error: TrianError) -> str | None:
    """The sentence; None where the refusal is of another topic."""
    if isinstance(error, EditedMeanwhile):
        return _("A colleague changed this record in the meantime. Nothing was saved; open it again.")
    if isinstance(error, NothingToUndo):
        return _("There is nothing to take back: the record has been changed since.")
    if isinstance(error, LegalHold):
        return _("A complaint is still open. Settle it first: it cannot be dealt with once the data is gone.")
    if isinstance(error, InvalidInput):
        return _wrong().get(error.field)
    return None


def _wrong() -> dict[str, str]:
    return {
        "phone": _("This is no telephone number. A Vietnamese one reads like 0912 345 678."),
        "email": _("This is no e-mail address. One reads like ten@vidu.vn."),
        "birthday": _("There is no such day. Write it like 15/8/1990, or 15/8/1990 lunar."),
        "occupation": _("At most 200 characters, please."),
        "household": _("At most 200 characters, please."),
        "means": _("At most 200 characters, please."),
        "habits": _("At most 2,000 characters, please."),
    }
