"""How grave a complaint is and what it is about, from the customer's words (`data/words/complaint.yml`)."""

import re
import unicodedata

from crm.models.care import ComplaintCategory, Severity
from crm.words import mentioned, normal, words

_CLAUSE = re.compile(r"[,.;:!?\n…()]+")
_MAX_FILLERS = 4


def is_dangerous(said: str) -> bool:
    """Whether fire, electric shock, injury or the like is spoken of as happening.

    "Không bị giật", "xài có nguy hiểm không" deny it or ask whether there is any: no danger.
    """
    if mentioned(said, words("complaint")["danger"]) is None:
        return False
    return any(_tells_danger(clause) for clause in _CLAUSE.split(unicodedata.normalize("NFC", said)))


def _tells_danger(clause: str) -> bool:
    typed = re.findall(r"\w+", clause.lower())
    plain = normal(clause).split()
    known = [phrase for phrase in words("complaint")["danger"] if mentioned(clause, [phrase])]
    if len(typed) != len(plain):  # folding moved the words: nothing is known of their places
        return bool(known)
    places = _places(plain, [normal(phrase).split() for phrase in known])
    return any(not (_is_denied(typed, start) or _is_asked(typed, start, end)) for start, end in places)


def _places(plain: list[str], phrases: list[list[str]]) -> list[tuple[int, int]]:
    """Where the phrases stand; those that overlap ("bị giật", "giật điện") are one."""
    spans = sorted(
        (i, i + len(phrase))
        for phrase in phrases
        for i in range(len(plain) - len(phrase) + 1)
        if plain[i : i + len(phrase)] == phrase
    )
    joint: list[tuple[int, int]] = []
    for start, end in spans:
        if joint and start < joint[-1][1]:
            joint[-1] = (joint[-1][0], max(end, joint[-1][1]))
        else:
            joint.append((start, end))
    return joint


def _is_denied(typed: list[str], start: int) -> bool:
    """Whether a denial stands before `start`, with nothing but fillers between."""
    lists = words("complaint")
    fillers, denials = set(lists["danger_fillers"]), set(lists["danger_denied"])
    for word in reversed(typed[max(0, start - _MAX_FILLERS - 1) : start]):
        if word in denials:
            return True
        if word not in fillers:
            return False
    return False


def _is_asked(typed: list[str], start: int, end: int) -> bool:
    """Whether the clause asks for it: "có (bị) … không", with nothing but small words after the danger."""
    lists = words("complaint")
    opens = set(typed[max(0, start - 3) : start]) & set(lists["danger_asked"])
    small = {word for phrase in words("dialogue")["polite"] for word in phrase.split()}
    rest = [word for word in typed[end:] if word not in small and word not in lists["danger_fillers"]]
    return bool(opens) and len(rest) == 1 and rest[0] in lists["danger_asked_end"]


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
