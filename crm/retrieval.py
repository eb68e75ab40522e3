"""Which passages fit a question: BM25 over words and pairs of words, and the likeness of embeddings, as one score.

An index never changes: when articles do, the next one is grown from it, and only new passages are tokenised, embedded
and counted again.
"""

import math
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass

import bm25s  # type: ignore[import-untyped]
import numpy as np
import numpy.typing as npt

from crm.accents import Restorer
from crm.articles import Passage, spelt
from crm.embeddings import DIMENSIONS

Scores = npt.NDArray[np.float64]

CANDIDATES = 16
SUBJECT, STEP, ASKED = range(3)
FRESH_SHARE = 0.02
SMALL = 2000


@dataclass(frozen=True)
class Word:
    """A word of a question, as typed (lower case) and without accents."""

    typed: str
    plain: str

    @property
    def bare(self) -> bool:
        """Whether it was typed without accents: then it stands for any."""
        return self.typed == self.plain

    @property
    def wanted(self) -> str:
        """What is looked for: a word typed with accents must have the same ones there."""
        return self.plain if self.bare else spelt(self.typed)

    def is_topic_of(self, passage: Passage) -> bool:
        """Whether it stands in the heading, the symptom or a keyword, not only in a step."""
        return self.wanted in passage.topic_spellings


@dataclass(frozen=True)
class Said:
    """Every word of some passages: without accents, with them, and of the questions asked of them."""

    plain: Set[str]
    spelt: Set[str]
    asked: Set[str]

    def __or__(self, other: "Said") -> "Said":
        return Said(self.plain | other.plain, self.spelt | other.spelt, self.asked | other.asked)


@dataclass(frozen=True)
class Question:
    """What is asked: the telling words, all that is searched by, and its embedding where there is one.

    `spelt` are its words with accents, put back where it was typed without.
    """

    asked: tuple[Word, ...]
    terms: tuple[str, ...]
    spelt: tuple[str, ...] = ()
    vector: npt.NDArray[np.float32] | None = None


NOTHING = Said(frozenset(), frozenset(), frozenset())


class Lexicon:
    """BM25 (Lucene's form) of one field of the passages it was built of; others are scored by the same statistics."""

    def __init__(self, passages: Sequence[Passage], tokens: Callable[[Passage], Sequence[str]]) -> None:
        self.places = {id(passage): place for place, passage in enumerate(passages)}
        self._kept = list(passages)  # keeps the ids above from being given to others
        self._tokens = tokens
        self._bm25 = bm25s.BM25()
        documents = [list(tokens(passage)) for passage in passages]
        self.size = len(documents) if any(documents) else 0
        if self.size:
            self._bm25.index(documents, show_progress=False)
        self._mean_length = float(np.mean(list(map(len, documents)))) if self.size else 1.0

    def rarity(self, term: str) -> float:
        """The term's inverse document frequency, above 0; greatest for what no passage has."""
        count = self._count(term)
        return math.log(1 + (self.size - count + 0.5) / (count + 0.5))

    def knows(self, term: str) -> bool:
        """Whether any of its passages has the term."""
        return self._count(term) > 0

    def scores(self, terms: Sequence[str]) -> Scores:
        """The score of each of its passages, in their order; empty where none has a word in this field."""
        known = [term for term in terms if self.knows(term)]
        if not known:
            return np.zeros(self.size)
        return np.asarray(self._bm25.get_scores(known), dtype=np.float64)

    def score(self, terms: Sequence[str], passage: Passage) -> float:
        """The score of a passage that it was not built of."""
        k1, b = float(self._bm25.k1), float(self._bm25.b)
        tokens = self._tokens(passage)
        length = k1 * (1 - b + b * len(tokens) / self._mean_length)
        counts = ((term, tokens.count(term)) for term in terms)
        return sum(self.rarity(term) * count / (count + length) for term, count in counts if count)

    def _count(self, term: str) -> int:
        if not self.size or (place := self._bm25.vocab_dict.get(term)) is None:
            return 0
        starts = self._bm25.scores["indptr"]
        return int(starts[place + 1] - starts[place])


class Lexicons:
    """What the articles say, what customers ask of them in their own words, and both with their accents."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self.said = Lexicon(passages, lambda passage: passage.tokens)
        self.asked = Lexicon(passages, lambda passage: passage.asked_tokens)
        self.spelt = Lexicon(passages, lambda passage: passage.spelt_tokens)

    @property
    def places(self) -> dict[int, int]:
        """The row of each passage they were built of, by id."""
        return self.said.places


class Index:
    """Passages, searchable. Each has one or more `texts` that are embedded: `vectors` has a row for each of them.

    `embedded` tells which are there already, `starts` at which row a passage's texts begin.
    """

    def __init__(self, passages: Sequence[Passage], before: "Index | None" = None) -> None:
        self.passages = list(passages)
        self.restorer: Restorer = before.restorer if before else Restorer()
        known = {id(passage) for passage in before.passages} if before else set()
        self._learn([passage for passage in self.passages if id(passage) not in known])
        self.lexicons = self._grown(before)
        places = self.lexicons.places
        self.fresh = [row for row, passage in enumerate(self.passages) if id(passage) not in places]
        self._places = np.array([places.get(id(passage), -1) for passage in self.passages], dtype=np.int64)
        self.skus = np.array([passage.article.sku or "" for passage in self.passages], dtype=object)
        # Numbers are compared ten times as fast as names.
        self._numbers = {sku: number for number, sku in enumerate(dict.fromkeys(self.skus))}
        self._numbered = np.array([self._numbers[sku] for sku in self.skus], dtype=np.int64)
        self._answering = np.array([passage.answers for passage in self.passages], dtype=bool)
        self._by_key = {passage.key: passage for passage in self.passages}
        self._counts = np.array([len(passage.texts) for passage in self.passages], dtype=np.int64)
        self.texts = [text for passage in self.passages for text in passage.texts]
        self.kinds = np.array([kind for passage in self.passages for kind in _kinds(passage)], dtype=np.int8)
        self.starts = np.cumsum([0, *self._counts])[:-1].astype(np.int64)
        self.vectors = _carried(self.texts, before)
        self.embedded = np.asarray(self.vectors.any(axis=1))
        self._said = _unchanged(self.passages, before)
        self._heads: npt.NDArray[np.float32] | None = None
        self._heads_whole = False

    def put(self, row: int, vector: npt.NDArray[np.float32]) -> None:
        """Gives the text of `row` its embedding."""
        self.vectors[row] = vector
        self.embedded[row] = True

    def heads(self) -> npt.NDArray[np.float32]:
        """For each passage its subject's vector and the means of its steps' and its asked questions', (n, 3, 384).

        The means are of length 1. Where a passage has none of a kind, its subject stands in.
        """
        if self._heads is None or (not self._heads_whole and self.embedded.all()):
            self._heads_whole = bool(self.embedded.all())
            self._heads = np.stack([self.vectors[self.starts], self._mean(STEP), self._mean(ASKED)], axis=1)
        return self._heads

    def _mean(self, kind: int) -> npt.NDArray[np.float32]:
        chosen = self.kinds == kind
        sums = np.add.reduceat(np.where(chosen[:, None], self.vectors, 0), self.starts, axis=0)
        sizes = np.linalg.norm(sums, axis=1, keepdims=True)
        return np.where(sizes > 0, sums / np.maximum(sizes, 1e-9), self.vectors[self.starts]).astype(np.float32)

    def nearest(self, rows: npt.NDArray[np.int64], vector: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """For the passages of `rows` the best cosine with a step and with an asked question, (n, 2); 0 for none."""
        if not len(rows):
            return np.zeros((0, 2), dtype=np.float32)
        counts = self._counts[rows]
        begins = np.cumsum(counts) - counts
        texts = np.arange(counts.sum()) + np.repeat(self.starts[rows] - begins, counts)
        likeness, kinds = np.einsum("ij,j->i", self.vectors[texts], vector), self.kinds[texts]
        best = [np.maximum.reduceat(np.where(kinds == kind, likeness, 0), begins) for kind in (STEP, ASKED)]
        nearest: npt.NDArray[np.float32] = np.maximum(np.column_stack(best), 0)
        return nearest

    def by_key(self, key: str) -> Passage | None:
        """The passage named `key`."""
        return self._by_key.get(key)

    def allowed(self, skus: frozenset[str] | None) -> npt.NDArray[np.bool_]:
        """Which passages answer, for a question about `skus` (None: any product; the whole shop's are always in)."""
        if skus is None:
            return self._answering
        wanted = [self._numbers[sku] for sku in (*skus, "") if sku in self._numbers]
        return self._answering & np.isin(self._numbered, wanted)

    def said_of(self, skus: frozenset[str]) -> Said:
        """What the passages about `skus` and the whole shop's say; gathered once for each product."""
        said = self._said_of("")
        for sku in skus:
            said |= self._said_of(sku)
        return said

    def _said_of(self, sku: str) -> Said:
        if (known := self._said.get(sku)) is None:
            mine = [
                self.passages[row]
                for row in np.flatnonzero(self._answering & (self._numbered == self._numbers.get(sku, -1)))
            ]
            fields = zip(*((p.tokens, p.spelt, p.asked_tokens) for p in mine), strict=True)
            known = self._said[sku] = Said(*(frozenset().union(*field) for field in fields)) if mine else NOTHING
        return known

    def lexical(self, question: Question) -> tuple[Scores, Scores, Scores]:
        """BM25 of every passage, in their order: of what it says, what is asked of it, and both with their accents."""
        by = self.lexicons
        fields = ((by.said, question.terms), (by.asked, question.terms), (by.spelt, question.spelt))
        said, asked, marked = (self._scores(lexicon, terms) for lexicon, terms in fields)
        return said, asked, marked

    def _scores(self, lexicon: Lexicon, terms: Sequence[str]) -> Scores:
        built = lexicon.scores(terms)
        scores = np.where(self._places >= 0, built[self._places], 0.0) if built.size else np.zeros(len(self.passages))
        for row in self.fresh:
            scores[row] = lexicon.score(terms, self.passages[row])
        return scores

    def _learn(self, fresh: Sequence[Passage]) -> None:
        for passage in fresh:
            article = passage.article
            self.restorer.learn([passage.heading, *passage.text.split("\n"), *passage.asked])
            if passage.number == 0:
                self.restorer.learn([article.title, *article.keywords])

    def _grown(self, before: "Index | None") -> Lexicons:
        """The lexicons before, while few passages have come or gone since; of few passages new ones are cheap."""
        if before is None or len(self.passages) <= SMALL:
            return Lexicons(self.passages)
        places = before.lexicons.places
        here = sum(id(passage) in places for passage in self.passages)
        changed = len(self.passages) - here + len(places) - here
        return before.lexicons if changed <= FRESH_SHARE * len(places) else Lexicons(self.passages)


def _unchanged(passages: Sequence[Passage], before: Index | None) -> dict[str, Said]:
    """What was gathered of the products whose passages are still the same."""
    if before is None:
        return {}
    changed = {id(passage): passage for passage in (*before.passages, *passages)}
    for key in {id(passage) for passage in before.passages} & {id(passage) for passage in passages}:
        del changed[key]
    touched = {passage.article.sku or "" for passage in changed.values()}
    return {sku: said for sku, said in before._said.items() if sku not in touched}


def _kinds(passage: Passage) -> list[int]:
    return [SUBJECT, *[STEP] * len(passage.steps), *[ASKED] * len(passage.asked)]


def _carried(texts: Sequence[str], before: Index | None) -> npt.NDArray[np.float32]:
    """A row for each text, filled where the index before has its embedding."""
    vectors = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
    if before is not None:
        known = {text: row for row, text in enumerate(before.texts)}
        kept = [(row, known[text]) for row, text in enumerate(texts) if text in known]
        if kept:
            rows, old = zip(*kept, strict=True)
            vectors[list(rows)] = before.vectors[list(old)]
    return vectors
