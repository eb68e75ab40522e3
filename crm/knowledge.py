"""Answers from the shop's own articles: the passage that fits a question, or none rather than a guess."""

import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import bm25s  # type: ignore[import-untyped]
import numpy as np
from sqlalchemy.orm import Session

from crm import articles, clock
from crm.articles import Passage
from crm.models.catalogue import KnowledgeFeedback, KnowledgeFeedbackKind
from crm.settings import settings
from crm.text import fold, spelling
from crm.words import mentioned, normal, words

_WORD = re.compile(r"\w+")

MIN_COVERAGE = 0.8
MIN_COVERAGE_NAMED = 0.4
MIN_COVERAGE_POLICY = 0.6
MIN_TOPICAL = 0.5
CLEAR_LEAD = 1.4
TOPIC_WEIGHT = 1.0


@dataclass(frozen=True)
class Found:
    """`passage` answers; or `skus` are the products for which the question has an answer equally; or neither.

    `passage` and no words of the question left over: `choices` are the sections the customer may mean.
    """

    passage: Passage | None = None
    skus: tuple[str, ...] = ()
    choices: tuple[Passage, ...] = ()


@dataclass(frozen=True)
class Word:
    """A word of a question, as typed (lower case) and without accents."""

    typed: str
    plain: str

    def stands_in(self, passage: Passage) -> bool:
        """Whether the passage has it. A word typed with accents must have the same ones there."""
        if self.typed == self.plain:
            return self.plain in passage.vocabulary
        return spelling(self.typed) in passage.spellings

    def is_topic_of(self, passage: Passage) -> bool:
        """Whether it stands in the heading, the symptom or a keyword, not only in a step."""
        return (self.plain if self.typed == self.plain else spelling(self.typed)) in passage.topic_spellings


class Index:
    """All passages, searchable. Building takes some tens of milliseconds for hundreds of articles."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self.passages = list(passages)
        self._bm25 = bm25s.BM25()
        if self.passages:
            self._bm25.index([list(passage.tokens) for passage in self.passages], show_progress=False)
        self._known = Counter(token for passage in self.passages for token in passage.vocabulary)

    def ranked(self, asked: Sequence[str], skus: frozenset[str | None]) -> list[tuple[float, Passage]]:
        """(score, passage) of those of `skus` that have something of the terms `asked`, best first."""
        known = [token for token in asked if token in self._known]
        if not known:
            return []
        scores: np.ndarray = self._bm25.get_scores(known)
        order = np.argsort(-scores, kind="stable")
        pairs = [(float(scores[i]), self.passages[i]) for i in order if scores[i] > 0]
        return [pair for pair in pairs if pair[1].article.sku in skus]

    def coverage(self, asked: Sequence[Word], passage: Passage) -> float:
        """The share, 0 to 1, of the question's words that the passage has; rare words weigh more."""
        weights = [float(np.log(1 + len(self.passages) / (1 + self._known[word.plain]))) for word in asked]
        covered = sum(weight for word, weight in zip(asked, weights, strict=True) if word.stands_in(passage))
        return covered / total if (total := sum(weights)) else 0.0

    def on_topic(self, asked: Sequence[Word], passage: Passage) -> float:
        """The share, 0 to 1, of the question's words that say what the passage is about."""
        return sum(word.is_topic_of(passage) for word in asked) / len(asked) if asked else 0.0


def index() -> Index:
    """The index of the articles as they are on disk now."""
    root = settings().data_dir / "knowledge"
    files = sorted(root.rglob("*.md"))
    return _build(root, tuple((str(path), path.stat().st_mtime_ns) for path in files))


def usage(question: str, sku: str | None, product_words: Sequence[str] = ()) -> Found:
    """The passage of a product guide that answers `question`.

    Args:
        sku: the product meant, where it is known.
        product_words: names of products in the question; they do not count as what is asked.
    """
    said = _words(question, product_words)
    asked = _content(said)
    if all(word.plain in _topic_words() for word in asked):
        return _by_topic(question, sku)
    guides = index()
    wanted = frozenset([sku]) if sku else frozenset(p.article.sku for p in guides.passages if p.article.sku)
    ranked = [
        (score * (1 + TOPIC_WEIGHT * guides.on_topic(asked, passage)), passage)
        for score, passage in guides.ranked(_query(said, asked), wanted)
        if passage.has_steps
    ]
    ranked.sort(key=lambda pair: -pair[0])
    least = MIN_COVERAGE_NAMED if sku else MIN_COVERAGE
    fitting = [pair for pair in ranked if guides.coverage(asked, pair[1]) >= least]
    if not fitting:
        return Found()
    best, first = fitting[0]
    rivals = {p.article.sku: None for score, p in fitting if p.article.sku and score * CLEAR_LEAD >= best}
    if len(rivals) > 1:
        return Found(skus=tuple(s for s in rivals if s))
    return Found(passage=first)


def is_asked(said: str, passage: Passage, product_words: Sequence[str] = ()) -> bool:
    """Whether words that need not be a question ask for `passage`: one of them, no date or place, is what it is about.

    A word of a single step is not enough: "the month before" stands in some step of nearly every guide.
    """
    idle = {word for phrase in words("usage")["fragment"] for word in str(phrase).split()}
    folded = frozenset(map(fold, idle))
    telling = [w for w in _content(_words(said, product_words)) if w.typed not in idle]
    telling = [w for w in telling if w.typed != w.plain or w.plain not in folded]
    topical = [word for word in telling if word.is_topic_of(passage)]
    return bool(topical) and len(topical) >= MIN_TOPICAL * len(telling)


def policy(slug: str, question: str) -> Passage | None:
    """The section of the shop-wide article `slug` that fits `question` best, else its beginning."""
    shop = index()
    mine = [passage for passage in shop.passages if passage.article.path == f"cua-hang/{slug}.md"]
    said = _words(question)
    asked = _content(said)
    if not mine or not asked:
        return mine[0] if mine else None
    ranked = [p for _, p in shop.ranked(_query(said, asked), frozenset([None])) if p in mine]
    fitting = [p for p in ranked if shop.coverage(asked, p) >= MIN_COVERAGE_POLICY]
    return fitting[0] if fitting else mine[0]


def by_key(key: str) -> Passage | None:
    """The passage named `key`, if its article still has it."""
    return next((passage for passage in index().passages if passage.key == key), None)


def record_feedback(
    session: Session, customer_id: int | None, kind: KnowledgeFeedbackKind, question: str, article: str | None
) -> None:
    """Keeps what no article answered, and what the customer said of an answer."""
    session.add(
        KnowledgeFeedback(customer_id=customer_id, kind=kind, question=question[:2000], article=article, at=clock.now())
    )


def _words(question: str, product_words: Sequence[str] = ()) -> list[Word]:
    """The words of the question without the products' names."""
    typed = _WORD.findall(unicodedata.normalize("NFC", question.lower()))
    left = [Word(word, fold(word)) for word in typed]
    for name in sorted((normal(name).split() for name in product_words), key=len, reverse=True):
        size = len(name)
        for start in range(len(left) - size + 1) if size else ():
            if [word.plain for word in left[start : start + size]] == name:
                left[start : start + size] = []
                break
    return left


def _content(said: Sequence[Word]) -> list[Word]:
    """Without the words that say nothing of what is asked."""
    stop = _stop_words()
    accented = any(word.typed != word.plain for word in said)
    return [word for word in said if (word.typed if accented else word.plain) not in stop[accented]]


def _query(said: Sequence[Word], asked: Sequence[Word]) -> list[str]:
    """What is searched by: the telling words, and all pairs, since "not spinning" is more than "spinning"."""
    pairs = [f"{a.plain}_{b.plain}" for a, b in itertools.pairwise(said)]
    return [word.plain for word in asked] + pairs


def _by_topic(question: str, sku: str | None) -> Found:
    """The product's guide of the kind asked for, or the sections to choose from."""
    if sku is None:
        return Found(skus=tuple(sorted({p.article.sku for p in index().passages if p.article.sku})))
    mine = [p for p in index().passages if p.article.sku == sku]
    topics = words("dialogue")["topics"]
    topic = next((name for name in ("fault", "clean", "setup", "use") if mentioned(question, topics[name])), None)
    guide = [p for p in mine if p.article.topic == topic]
    if topic == "fault":
        return Found(choices=tuple(p for p in guide if p.heading))
    if guide:
        return Found(
            passage=next((p for p in guide if p.has_steps), None), choices=tuple(p for p in guide if p.heading)
        )
    return Found(choices=tuple(p for p in mine if p.number == 0))


@lru_cache(maxsize=1)
def _stop_words() -> tuple[frozenset[str], frozenset[str]]:
    """Without accents, for messages typed without; and as they are: "vay" (so) must not swallow "váy" (a skirt)."""
    said = frozenset(word for phrase in words("dialogue")["stop"] for word in str(phrase).split())
    return frozenset(map(fold, said)), said


@lru_cache(maxsize=1)
def _topic_words() -> frozenset[str]:
    phrases = [phrase for known in words("dialogue")["topics"].values() for phrase in known]
    return frozenset(token for phrase in phrases for token in normal(phrase).split())


@lru_cache(maxsize=2)
def _build(root: Path, state: tuple[tuple[str, int], ...]) -> Index:
    return Index([passage for path, _ in state for passage in articles.read(Path(path), root)])
