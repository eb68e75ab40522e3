"""Vietnamese text as data: composed form, accent folding for search, and safe shortening."""

import re
import unicodedata

_SPACES = re.compile(r"\s+")
_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\x00-\x08\x0b\x0c\x0e-\x1f]")


def clean(text: str) -> str:
    """NFC text without control, zero-width and direction-changing characters, stripped at both ends."""
    return _INVISIBLE.sub("", unicodedata.normalize("NFC", text)).strip()


def fold(text: str) -> str:
    """Lower case, no accents, đ as d, single spaces: what names and questions are searched by."""
    decomposed = unicodedata.normalize("NFD", text.lower().replace("đ", "d"))
    return _SPACES.sub(" ", "".join(c for c in decomposed if not unicodedata.combining(c))).strip()


def spelling(word: str) -> str:
    """The word's letters and then its marks: `hoà` and `hòa` are the same word, `váy` and `vay` are not."""
    decomposed = unicodedata.normalize("NFD", word.lower().replace("đ", "d\u0335"))
    letters = "".join(c for c in decomposed if not unicodedata.combining(c))
    return letters + "".join(sorted(c for c in decomposed if unicodedata.combining(c)))


def given_name(full_name: str) -> str:
    """The name a Vietnamese person is called by: the last word of `full_name` (empty for an empty name)."""
    words = full_name.split()
    return words[-1] if words else ""
