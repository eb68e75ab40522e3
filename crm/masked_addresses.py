"""Addresses of houses: "12/5 Lê Lợi, P.3", "ngõ 45 cầu giấy", "ấp 3 xã Tân Phú". Districts and cities stay.

A number before words is mostly no house: it is one after a word like "ngõ", with a street or a ward behind it, or
where the words before it lead to an address.
"""

import re
from collections.abc import Iterator

from crm.masked_words import Word, nobody, phrase_at, read, replaced, within

_GAP = re.compile(r"[ ,.\-–]{1,3}|")
_LANE_GAP = re.compile(r"[ .:]{0,2}")
_PARTS = re.compile(r"[/\-]")
_DIGIT = re.compile(r"\d")
_LONGEST_STREET, _LONGEST_SMALL = 4, 3
Edit = tuple[int, int, str]


def masked(text: str) -> str:
    """`text` with the numbers of houses made zeros, and the names of streets and villages one of nobody's."""
    said = read(text)
    edits: list[Edit] = []
    at, inside = 0, False
    while at < len(said):
        found = _lane(said, at) or _village(said, at, inside) or _house(said, at)
        if found:
            edits += _edits(said, *found)
            at, inside = found[2], True
        else:
            # "Q.3, P.5": what is larger does not end an address.
            inside = inside and bool(phrase_at(said, at, "districts") or said[at].number or said[at].capital)
            at += 1
    return replaced(text, edits)


def _edits(said: list[Word], numbers: range, names: int, end: int) -> Iterator[Edit]:
    """Zeros for the words `numbers`, one name for those from `names` to `end`."""
    for word in (said[at] for at in numbers):
        yield word.start, word.end, _DIGIT.sub("0", word.spelt)
    if names < end:
        yield said[names].start, said[end - 1].end, nobody()


def _number(said: list[Word], at: int) -> int:
    """The word behind the number that begins at `at`: 12/5/3B are three words. `at` itself where none begins."""
    if at >= len(said) or not said[at].number:
        return at
    end = at + 1
    while end < len(said) and _PARTS.fullmatch(said[end - 1].gap) and said[end].number:
        end += 1
    return end


def _street(said: list[Word], at: int, *, small: bool) -> int:
    """The word behind the street's name that begins at `at`; in small letters only where `small`."""
    if at >= len(said) or not said[at].name or within(said[at], "no_street"):
        return at
    capital = said[at].capital
    if not capital and (not small or within(said[at], "no_name")):
        return at
    end = at + 1
    while end < len(said) and end - at < (_LONGEST_STREET if capital else _LONGEST_SMALL) and said[end - 1].gap == " ":
        word = said[end]
        ends = not word.capital if capital else within(word, "no_name") or within(word, "no_street")
        if not word.name or ends or _larger(said, end):
            break
        end += 1
    return end


def _larger(said: list[Word], at: int) -> bool:
    """Whether a ward or a district begins at `at`."""
    return at < len(said) and any(
        phrase_at(said, at, topic) for topic in ("villages", "districts", "villages_in_address")
    )


def _lane(said: list[Word], at: int) -> tuple[range, int, int] | None:
    """ "ngõ 45 cầu giấy": numbers behind a word for a lane or a house, and the street behind them."""
    first = at + phrase_at(said, at, "lanes")
    end = _number(said, first)
    if first == at or end == first or not _LANE_GAP.fullmatch(said[first - 1].gap):
        return None
    street = _behind(said, end)
    known = street > end or (street < len(said) and _begins_a_street(said[street]))
    return range(first, end), street, _street(said, street, small=known) if _near(said, end) else street


def _village(said: list[Word], at: int, inside: bool) -> tuple[range, int, int] | None:
    """ "ấp 3", "phường Bến Nghé", and inside an address also "p3"."""
    size = phrase_at(said, at, "villages") or (inside and phrase_at(said, at, "villages_in_address"))
    if not size:
        return _short_ward(said, at) if inside else None
    first = at + size
    if not inside and (said[at].spelt == "xa" or (at and said[at - 1].spelt == "hàng")):
        return None  # "xa 30 cây số", "hàng xóm"
    end = _number(said, first)
    if end > first:
        return range(first, end), end, end
    end = _street(said, first, small=inside)
    return (range(0), first, min(end, first + 3)) if end > first and said[first - 1].gap in (" ", ".", ". ") else None


def _short_ward(said: list[Word], at: int) -> tuple[range, int, int] | None:
    """ "p3", "P12", behind a street."""
    return (range(at, at + 1), at + 1, at + 1) if re.fullmatch(r"[pf]\d{1,2}", said[at].spelt) else None


def _house(said: list[Word], at: int) -> tuple[range, int, int] | None:
    """ "12/5 Lê Lợi", "ở 123 nguyễn trãi q5"."""
    end = _number(said, at)
    if end == at or (at and (said[at - 1].number or within(said[at - 1], "days"))) or not _near(said, end):
        return None
    street = _behind(said, end)
    last = _street(said, street, small=True)
    if last == street:
        return None
    size, first = last - street, said[street]
    begins = _begins_a_street(first)
    told = street > end or (_larger(said, last) and size > 1)
    led = _led(said, at)
    if first.capital:
        sure = told or (size > 1 and (end - at > 1 or led or at == 0))
    else:
        sure = (told and (begins or led or end - at > 1)) or (led and begins and size > 1)
    return (range(at, end), street, last) if sure else None


def _begins_a_street(word: Word) -> bool:
    """Streets are called after people and after places."""
    return within(word, "surnames") or within(word, "street_begins")


def _behind(said: list[Word], at: int) -> int:
    """Behind "đường" or "phố", where one of them stands at `at`."""
    size = phrase_at(said, at, "streets") if at < len(said) else 0
    return at + size if at + size < len(said) else at


def _near(said: list[Word], at: int) -> bool:
    """Whether what stands before `at` belongs to it."""
    return 0 < at < len(said) and _GAP.fullmatch(said[at - 1].gap) is not None and said[at - 1].gap != ""


def _led(said: list[Word], at: int) -> bool:
    """Whether the words before `at` lead to an address."""
    return any(at >= size and phrase_at(said, at - size, "leads") == size for size in (3, 2, 1))
