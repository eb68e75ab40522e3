"""One spelling for the many ways Vietnamese customers type the same words.

The result feeds the classifier only: a message keeps its own text, so entity offsets stay true to what was typed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

from ruamel.yaml import YAML

ABBREVIATIONS = Path(__file__).with_name("abbreviations.yml")

_INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co"})
_TONES = "\u0300\u0301\u0303\u0309\u0323"
_STRETCHED = re.compile(r"(?!\b([b-df-hj-np-tv-xz])\1{2}\b)([^\W\d_])\2{2,}")
_STRETCHED_CONSONANT = re.compile(r"\b([b-df-hj-np-tv-xz])\1{2,}\b")
_REPEATED_SIGN = re.compile(r"([^\w\s])\1+")
_WORD = re.compile(r"\w+")
_URL = re.compile(r"(?:https?://|www\.)\S+")
_EMAIL = re.compile(r"\S+@\S+\.\w+")
_LONG_NUMBER = re.compile(r"\+?\d(?:[\d.\- ]{6,}\d)")
_DIGIT = re.compile(r"\d")
_SPACES = re.compile(r"\s+")
# A Vietnamese syllable without its accents: onset, vowels, coda.
SYLLABLE = re.compile(
    r"(?:b|ch?|d|gh?|gi|h|kh?|l|m|n|ngh?|nh|ph?|qu|r|s|th?|tr|v|x)?"
    r"(?:[aeiouy]|a[iouy]|e[ou]|i[aeu]|ieu|o[aeio]|oa[iyo]|oeo|u[aeiouy]|ua[yio]|uo[iu]|uy[aeu]|ye|yeu)"
    r"(?:ch?|m|ng?|nh|p|t)?"
)


def strip_accents(text: str) -> str:
    """Drop every diacritic, d-stroke included, as people type on a phone without a Vietnamese keyboard."""
    bare = "".join(char for char in unicodedata.normalize("NFD", text) if not unicodedata.combining(char))
    return unicodedata.normalize("NFC", bare.replace("đ", "d").replace("Đ", "D"))


def clean(text: str) -> str:
    """NFC without control characters, lone surrogates and zero-width marks; any white space becomes one blank."""
    text = _SPACES.sub(" ", unicodedata.normalize("NFC", text))
    return "".join(char for char in text if unicodedata.category(char) not in _INVISIBLE_CATEGORIES).strip()


def _tone_pairs() -> dict[str, str]:
    """Map the newer placement of a tone mark (hoà, khoẻ, thuý) to the older one (hòa, khỏe, thúy)."""
    pairs = {}
    for first, second in (("o", "a"), ("o", "e"), ("u", "y")):
        for tone in _TONES:
            newer = first + unicodedata.normalize("NFC", second + tone)
            pairs[newer] = unicodedata.normalize("NFC", first + tone) + second
    return pairs


_TONE_PAIRS = _tone_pairs()
# Only an open syllable has two spellings (hoà, but hoàn), and the u of "qu" belongs to the consonant (quý).
_OPENSYLLABLE = re.compile("(?<!q)(" + "|".join(_TONE_PAIRS) + r")(?!\w)")


class Normaliser:
    """Rewrites a message into lower-case words with abbreviations spelt out.

    Text typed wholly without accents gets its abbreviations without accents too, so that it looks like the accent-free
    copies the classifier was trained on.
    """

    def __init__(self, abbreviations: Mapping[str, str]) -> None:
        self._accented = dict(abbreviations)
        self._bare = {short: strip_accents(full) for short, full in abbreviations.items()}

    @classmethod
    def load(cls, path: Path = ABBREVIATIONS) -> Normaliser:
        """Read the table of abbreviations: a mapping of each full form to the list of its short ones."""
        table: Mapping[str, Iterable[object]] = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
        return cls({str(short): full for full, shorts in table.items() for short in shorts})

    def __call__(self, text: str) -> str:
        """Return the normalised form; an empty string for a message with nothing readable in it."""
        text = self._one_spelling(clean(text).lower())
        table = self._bare if text.isascii() else self._accented
        return _WORD.sub(lambda word: table.get(word[0], word[0]), text).strip()

    def noise(self, text: str) -> float:
        """How far a message is from tidy Vietnamese: the share, 0 to 1, of its words that are no dictionary word.

        Those are abbreviations, stretched words, what is no Vietnamese syllable, and every word of a message typed
        wholly without accents (of one word nobody can say).
        """
        words = [word for word in _WORD.findall(clean(text).lower()) if word.isalpha()]
        if len(words) > 1 and text.isascii():
            return 1.0
        odd = [word for word in words if word in self._accented or not SYLLABLE.fullmatch(strip_accents(word))]
        return len(odd) / len(words) if words else 0.0

    @staticmethod
    def _one_spelling(text: str) -> str:
        text = _URL.sub(" urlmark ", _EMAIL.sub(" emailmark ", text))
        text = _LONG_NUMBER.sub(" numbermark ", text)
        text = _STRETCHED_CONSONANT.sub(r"\1\1\1", text)  # laughter or noise (kkk), not the short form (k)
        text = _REPEATED_SIGN.sub(r"\1", _STRETCHED.sub(r"\2", text))
        text = _OPENSYLLABLE.sub(lambda match: _TONE_PAIRS[match[0]], text)
        return _SPACES.sub(" ", _DIGIT.sub("0", text))


def outline(normalised: str) -> list[str]:
    """Describe a text without its words: length, script, the shares of digits and of what is no Vietnamese syllable.

    Tells bare answers from questions, and both from keyboard noise. Empty for a text without a word.
    """
    words = _WORD.findall(normalised)
    if not words:
        return []
    letters = [word for word in words if word.isalpha() and not word.endswith("mark")]
    latin = [word for word in letters if all("LATIN" in unicodedata.name(char, "") for char in word)]
    odd = [word for word in latin if not SYLLABLE.fullmatch(strip_accents(word))]
    length = len(words) if len(words) < 8 else 8 * min(len(words) // 8, 4)
    marks = [f"length {length}", f"digits {_quarters(sum(map(str.isdigit, words)), len(words))}"]
    marks += [f"odd {_quarters(len(odd), len(letters))}"] if letters else []
    return marks + (["foreign"] if len(latin) < len(letters) else [])


def _quarters(part: int, whole: int) -> int:
    return round(4 * part / whole)


@lru_cache(maxsize=1)
def default_normaliser() -> Normaliser:
    """The normaliser with the project's own table, read once a process."""
    return Normaliser.load()
