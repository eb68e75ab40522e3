"""Names of people who are introduced as such: "tên em là Ngọc Anh", "mình tên hùng", "giao cho chị Lan"."""

import re

from crm.masked_words import Word, nobody, phrase_at, read, replaced, within

_BEFORE = re.compile(r"[ :,=\-–]{1,3}|")
_MOST_WORDS = 5
_ALSO_A_NAME = "anh"  # in the middle of what may be a name it is one: Lan Anh
_WITH_SURNAME, _WITHOUT = 4, 2


def masked(text: str) -> str:
    """`text` with each name that is introduced made one of nobody's."""
    said = read(text)
    edits, at = [], 0
    while at < len(said):
        size = phrase_at(said, at, "introduces")
        loose = 0 if size else phrase_at(said, at, "introduces_capitals")
        name = _name(said, at + (size or loose), any_letters=_tells(said, at, size)) if size or loose else []
        if name:
            edits.append((name[0].start, name[-1].end, nobody()))
            at = said.index(name[-1])
        at += 1
    return replaced(text, edits)


def _tells(said: list[Word], at: int, size: int) -> bool:
    """Whether a name in small letters may follow: "tên em là lan", but not "ghi tên em vào"."""
    behind = at + size
    linked = behind < len(said) and (said[behind].plain == "la" or ":" in said[behind - 1].gap)
    return size > 0 and (said[at].plain != "ten" or linked)


def _name(said: list[Word], at: int, *, any_letters: bool) -> list[Word]:
    """The words of the name that begins at `said[at]`, behind "là"; empty where none does."""
    if at < len(said) and said[at].plain == "la" and not said[at].capital:
        at += 1
    if at >= len(said) or not _BEFORE.fullmatch(said[at - 1].gap):
        return []
    first = said[at]
    full = within(first, "surnames") and at + 1 < len(said) and within(said[at + 1], "middles")
    if not first.name or len(first.spelt) < 2 or not (first.capital or any_letters):
        return []
    if within(first, "no_name") and not full:
        return []
    most = _MOST_WORDS if first.capital else _WITH_SURNAME if within(first, "surnames") else _WITHOUT
    found = [first]
    for word in said[at + 1 : at + most]:
        ends = not word.capital if first.capital else within(word, "no_name") and word.spelt != _ALSO_A_NAME
        if found[-1].gap != " " or not word.name or ends:
            break
        found.append(word)
    return found
