"""How grave a complaint is and what it is about, from the customer's words (`data/words/complaint.yml`)."""

from crm.models.care import ComplaintCategory, Severity
from crm.words import mentioned, words


def is_dangerous(said: str) -> bool:
    """Whether fire, electric shock, injury or the like is spoken of."""
    return mentioned(said, words("complaint")["danger"]) is not None


def severity_of(said: str) -> Severity:
    """HIGH where there is danger, injury or anger; LOW for a remark; else NORMAL."""
    if is_dangerous(said):
        return Severity.HIGH
    lists = words("complaint")["severity"]
    return next(
        (level for level in (Severity.HIGH, Severity.LOW) if mentioned(said, lists[level.value])), Severity.NORMAL
    )


def category_of(said: str) -> ComplaintCategory:
    """The first category, in the file's order, of which a word is said."""
    lists = words("complaint")["category"]
    return next(
        (ComplaintCategory(name) for name, said_by in lists.items() if mentioned(said, said_by)),
        ComplaintCategory.OTHER,
    )
