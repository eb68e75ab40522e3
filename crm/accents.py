"""Accents put back: embeddings hardly know Vietnamese typed without them, so a question gets those of the articles."""

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable
from functools import lru_cache

from crm.text import fold

_WORD = re.compile(r"\w+")
_START = "<"
PAIR_SHARE = 0.7
UNSEEN = 0.1
VOCABULARY = 50_000


@lru_cache(maxsize=100_000)
def plain(word: str) -> str:
    """`word` without accents; remembered, since the words of a language are few."""
    return fold(word)


def spoken(said: str) -> list[str]:
    """The words of `said`, composed, in lower case, with their accents."""
    return _WORD.findall(unicodedata.normalize("NFC", said.lower()))


class Restorer:
    """The likeliest accents, by words and pairs of words (a Viterbi search over what was learnt)."""

    def __init__(self) -> None:
        self._spellings: defaultdict[str, set[str]] = defaultdict(set)
        self._words: Counter[str] = Counter()
        self._plain: Counter[str] = Counter()
        self._pairs: Counter[tuple[str, str]] = Counter()

    def learn(self, texts: Iterable[str]) -> None:
        """Counts the words of `texts`; a text without any accent teaches nothing."""
        for text in texts:
            words = spoken(text)
            folded = [plain(word) for word in words]
            if words == folded:
                continue
            self._words.update([_START, *words])
            self._plain.update(folded)
            self._pairs.update(zip([_START, *words], words, strict=False))
            for word, bare in zip(words, folded, strict=True):
                self._spellings[bare].add(word)

    def restore(self, said: str) -> str:
        """`said` with accents, where a word typed without them was ever seen; its other words as they are."""
        paths: dict[str, tuple[float, list[str]]] = {_START: (0.0, [])}
        for word in spoken(said):
            meant = self._spellings.get(word, {word}) if word == plain(word) else {word}
            paths = {each: self._best(paths, each) for each in sorted(meant)}
        return " ".join(max(paths.values(), key=lambda path: path[0])[1])

    def _best(self, paths: dict[str, tuple[float, list[str]]], word: str) -> tuple[float, list[str]]:
        score, before = max(((s + self._likely(last, word), path) for last, (s, path) in paths.items()), key=_first)
        return score, [*before, word]

    def _likely(self, last: str, word: str) -> float:
        pair = self._pairs[last, word] / (self._words[last] + 1)
        alone = (self._words[word] + UNSEEN) / VOCABULARY
        return math.log(PAIR_SHARE * pair + (1 - PAIR_SHARE) * alone)


def _first(pair: tuple[float, list[str]]) -> float:
    return pair[0]
