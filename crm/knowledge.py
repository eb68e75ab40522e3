"""Answers from the shop's own articles: the passage that fits a question, or none rather than a guess."""

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
from crm.words import mentioned, normal, words

MIN_COVERAGE = 0.55
MIN_COVERAGE_NAMED = 0.4
CLEAR_LEAD = 1.15


@dataclass(frozen=True)
class Found:
    """`passage` answers; or `skus` are the products for which the question has an answer equally; or neither.

    `passage` and no words of the question left over: `choices` are the sections the customer may mean.
    """

    passage: Passage | None = None
    skus: tuple[str, ...] = ()
    choices: tuple[Passage, ...] = ()


class Index:
    """All passages, searchable. Building takes some tens of milliseconds for hundreds of articles."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self.passages = list(passages)
        self._vocabulary = [frozenset(passage.tokens) for passage in self.passages]
        self._bm25 = bm25s.BM25()
        if self.passages:
            self._bm25.index([list(passage.tokens) for passage in self.passages], show_progress=False)
        self._known: dict[str, int] = {}
        for vocabulary in self._vocabulary:
            for token in vocabulary:
                self._known[token] = self._known.get(token, 0) + 1

    def ranked(self, question: str, skus: frozenset[str | None] | None = None) -> list[tuple[float, Passage]]:
        """(score, passage) of those that have something of the question, best first; only of `skus` when given."""
        asked = [token for token in articles.terms(question) if token in self._known]
        if not asked:
            return []
        scores: np.ndarray = self._bm25.get_scores(asked)
        order = np.argsort(-scores, kind="stable")
        pairs = [(float(scores[i]), self.passages[i]) for i in order if scores[i] > 0]
        return [pair for pair in pairs if skus is None or pair[1].article.sku in skus]

    def coverage(self, asked: Sequence[str], passage: Passage) -> float:
        """The share, 0 to 1, of the question's words that the passage has; rare words weigh more."""
        weights = [self._weight(token) for token in asked]
        has = frozenset(passage.tokens)
        covered = sum(weight for token, weight in zip(asked, weights, strict=True) if token in has)
        return covered / total if (total := sum(weights)) else 0.0

    def _weight(self, token: str) -> float:
        return float(np.log(1 + len(self.passages) / (1 + self._known.get(token, 0))))


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
    asked = content(question, product_words)
    if not asked:
        return _by_topic(question, sku)
    guides = index()
    wanted = frozenset([sku]) if sku else frozenset(p.article.sku for p in guides.passages if p.article.sku)
    ranked = [pair for pair in guides.ranked(" ".join(asked), wanted) if pair[1].has_steps]
    least = MIN_COVERAGE_NAMED if sku else MIN_COVERAGE
    fitting = [pair for pair in ranked if guides.coverage(asked, pair[1]) >= least]
    if not fitting:
        return _by_topic(question, sku) if _only_topic(asked) else Found()
    best, first = fitting[0]
    rivals = {p.article.sku: None for score, p in fitting if p.article.sku and score * CLEAR_LEAD >= best}
    if len(rivals) > 1:
        return Found(skus=tuple(s for s in rivals if s))
    return Found(passage=first)


def policy(slug: str, question: str) -> Passage | None:
    """The section of the shop-wide article `slug` that fits `question` best, else its beginning."""
    shop = index()
    mine = [passage for passage in shop.passages if passage.article.path == f"cua-hang/{slug}.md"]
    asked = content(question)
    if not mine or not asked:
        return mine[0] if mine else None
    ranked = [p for _, p in shop.ranked(" ".join(asked), frozenset([None])) if p in mine]
    fitting = [p for p in ranked if shop.coverage(asked, p) >= MIN_COVERAGE]
    return fitting[0] if fitting else mine[0]


def by_key(key: str) -> Passage | None:
    """The passage named `key`, if its article still has it."""
    return next((passage for passage in index().passages if passage.key == key), None)


def content(question: str, product_words: Sequence[str] = ()) -> list[str]:
    """The words of the question that say what is asked: without politeness and without the product's name."""
    said = f" {normal(question)} "
    for name in sorted(map(normal, product_words), key=len, reverse=True):
        said = said.replace(f" {name} ", " ") if name else said
    stop = {normal(word) for word in words("dialogue")["stop"]}
    return [token for token in said.split() if token not in stop]


def record_feedback(
    session: Session, customer_id: int | None, kind: KnowledgeFeedbackKind, question: str, article: str | None
) -> None:
    """Keeps what no article answered, and what the customer said of an answer."""
    session.add(
        KnowledgeFeedback(customer_id=customer_id, kind=kind, question=question[:2000], article=article, at=clock.now())
    )


def _only_topic(asked: Sequence[str]) -> bool:
    known = {token for phrases in words("dialogue")["topics"].values() for p in phrases for token in normal(p).split()}
    return all(token in known for token in asked)


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


@lru_cache(maxsize=2)
def _build(root: Path, state: tuple[tuple[str, int], ...]) -> Index:
    return Index([passage for path, _ in state for passage in articles.read(Path(path), root)])
