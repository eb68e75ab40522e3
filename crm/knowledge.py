"""Answers from the shop's own articles: the passage that fits a question, or none rather than a guess."""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from sqlalchemy.orm import Session

from crm import clock, embeddings
from crm.accents import plain, spoken
from crm.articles import Passage, spelt
from crm.library import library
from crm.masking import masked
from crm.models.catalogue import KnowledgeFeedback, KnowledgeFeedbackKind, Product
from crm.models.messaging import ActionReceipt
from crm.ranking import Hit, rank
from crm.retrieval import Index, Question, Word
from crm.words import mentioned, normal, words

RIVAL = 0.8  # of a question's words say what a section is about: every product with such a one may be meant
SURE = 0.9  # a section that likely to be the one needs no asking back
UNSURE = 0.5  # a best section less likely than that to be the one is offered with those that fit nearly as well
ELSEWHERE = 0.9  # how likely an answer about another product than the one under discussion must be
MAX_CHOICES = 3
ACCENTED_SHARE = 0.25  # of the words of a question typed with accents, about 0.7 have one
ANSWER = "action_answer_usage"
MIN_TOPICAL = 0.5
MAX_SOURCES = 5


@dataclass(frozen=True)
class Found:
    """`passage` answers; or `skus` are the products for which the question has an answer equally; or neither.

    `passage` and no words of the question left over: `choices` are the sections the customer may mean.
    `sources` are the likeliest passages, best first, whatever was decided.
    """

    passage: Passage | None = None
    skus: tuple[str, ...] = ()
    choices: tuple[Passage, ...] = ()
    sources: tuple[Hit, ...] = field(default=(), compare=False)

    @property
    def evidence(self) -> list[list[object]]:
        """`sources` as JSON: [key, score]."""
        return [[hit.passage.key, round(hit.score, 3)] for hit in self.sources]


def index(session: Session | None = None) -> Index:
    """The index of the articles as they are now; without a session, what the staff published as last seen."""
    return library(session).index(session)


def prepare() -> None:
    """Reads the articles and loads the embeddings; what is not embedded yet is embedded in the background."""
    index()
    embeddings.problem()


def usage(
    question: str, sku: str | None, product_words: Sequence[str] = (), session: Session | None = None, bar: float = 0.0
) -> Found:
    """The passage that answers `question`.

    Args:
        sku: the product meant, where it is known.
        product_words: names of products in the question; they do not count as what is asked.
        bar: the least probability of an answer, where it is more than usual.
    """
    guides = index(session)
    said = _words(question, product_words)
    if all(word.plain in _topic_words() for word in _content(said)):
        return _by_topic(guides, question, sku)
    hits = rank(guides, question_of(guides, question, product_words), frozenset([sku]) if sku else None, bar)
    sources = tuple(hits[:MAX_SOURCES])
    about = [str(hit.passage.article.sku) for hit in hits if hit.topical >= RIVAL and hit.passage.article.sku]
    rivals = tuple(dict.fromkeys(about))
    if sku is None and len(rivals) > 1 and (not hits[0].passage.article.sku or hits[0].share < SURE):
        return Found(skus=rivals, sources=sources)
    if not hits or not hits[0].enough:
        return Found(sources=sources)
    best = hits[0]
    close = [hit for hit in hits[:MAX_CHOICES] if hit.enough]
    # Where one section is about all that is asked, those with the words in some step only are not meant.
    close = [hit for hit in close if hit.topical >= RIVAL] if best.topical >= RIVAL else close
    if best.share < UNSURE and len(close) > 1:
        return Found(choices=tuple(hit.passage for hit in close), sources=sources)
    return Found(passage=best.passage, sources=sources)


def find(session: Session, question: str, named: Sequence[Product], discussed: str | None) -> Found:
    """The answer to `question`, which names the products `named`, while the product `discussed` is talked about."""
    names = product_names(named)
    if len(named) == 1:
        return usage(question, named[0].sku, names, session)
    if len(named) > 1:
        return Found(skus=tuple(product.sku for product in named))
    found = usage(question, discussed, (), session) if discussed else Found()
    if found.passage or found.choices:
        return found
    anywhere = usage(question, None, (), session, ELSEWHERE if discussed else 0.0)
    return anywhere if anywhere.passage or anywhere.skus or not discussed else replace(anywhere, sources=found.sources)


def product_names(products: Sequence[Product]) -> list[str]:
    """Every name of `products`."""
    return [name for product in products for name in (product.name, product.sku, *map(str, product.aliases))]


def question_of(guides: Index, question: str, product_words: Sequence[str] = ()) -> Question:
    """What `question` is searched by. Its embedding is that of its words with accents and without products' names."""
    said = _words(question, product_words)
    asked = _content(said)
    meant = said
    if sum(word.typed != word.plain for word in said) < ACCENTED_SHARE * len(said):
        meant = _words(guides.restorer.restore(" ".join(spoken(question))), product_words)
    text = _to_the_point(" ".join(word.typed for word in meant)) or question
    marked = tuple(spelt(word.typed) for word in meant)
    return Question(tuple(asked), tuple(_query(said, asked)), marked, embeddings.of_question(text))


def _to_the_point(text: str) -> str:
    """Without calls ("con ơi") and words about oneself, which pull an embedding away from the trouble."""
    return " ".join(_beside_the_point().sub(" ", text).split())


def is_asked(said: str, passage: Passage, product_words: Sequence[str] = ()) -> bool:
    """Whether words that need not be a question ask for `passage`: one of them, no date or place, is what it is about.

    A word of a single step is not enough: "the month before" stands in some step of nearly every guide.
    """
    idle = {word for phrase in words("usage")["fragment"] for word in str(phrase).split()}
    folded = frozenset(map(plain, idle))
    telling = [w for w in _content(_words(said, product_words)) if w.typed not in idle]
    telling = [w for w in telling if w.typed != w.plain or w.plain not in folded]
    topical = [word for word in telling if word.is_topic_of(passage)]
    return bool(topical) and len(topical) >= MIN_TOPICAL * len(telling)


def policy(slug: str, question: str, session: Session | None = None) -> Passage | None:
    """The section of the shop-wide article `slug` that fits `question` best, else its beginning."""
    shop = index(session)
    mine = [passage for passage in shop.passages if passage.article.path == f"cua-hang/{slug}.md"]
    if not mine or not _content(_words(question)):
        return mine[0] if mine else None
    hits = rank(shop, question_of(shop, question), frozenset())
    fitting = [hit.passage for hit in hits if hit.passage in mine and hit.enough]
    return fitting[0] if fitting else mine[0]


def by_key(key: str, session: Session | None = None) -> Passage | None:
    """The passage named `key`, if its article still has it."""
    return index(session).by_key(key)


def record_feedback(
    session: Session,
    customer_id: int | None,
    kind: KnowledgeFeedbackKind,
    question: str,
    article: str | None,
    sources: list[list[object]] | None = None,
) -> None:
    """Keeps what no article answered, and what the customer said of an answer, with what was found for the question.

    Phones, addresses and names in the question are masked.
    """
    session.add(
        KnowledgeFeedback(
            customer_id=customer_id,
            kind=kind,
            question=masked(question[:2000]),
            article=article,
            sources=sources,
            at=clock.now(),
        )
    )


def told(session: Session, turn_id: str) -> dict[str, Any] | None:
    """What the turn's answer was taken from: {"article": key, "sources": [[key, score between 0 and 1], …]}."""
    receipt = session.get(ActionReceipt, (turn_id, ANSWER))
    return receipt.result if receipt is not None and "article" in receipt.result else None


def _words(question: str, product_words: Sequence[str] = ()) -> list[Word]:
    """The words of the question, short forms written out, without the products' names."""
    typed = spoken(question)
    bare = all(word == plain(word) for word in typed)
    whole = [part for word in typed for part in _written_out().get(word, word).split()]
    left = [Word(plain(word) if bare else word, plain(word)) for word in whole]
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


def _by_topic(guides: Index, question: str, sku: str | None) -> Found:
    """The product's guide of the kind asked for, or the sections to choose from."""
    if sku is None:
        return Found(skus=tuple(sorted({p.article.sku for p in guides.passages if p.article.sku})))
    mine = [p for p in guides.passages if p.article.sku == sku]
    topics = words("dialogue")["topics"]
    topic = next((name for name in ("fault", "clean", "setup", "use") if mentioned(question, topics[name])), None)
    guide = [p for p in mine if p.article.topic == topic]
    if topic == "fault":
        return Found(choices=tuple(p for p in guide if p.heading))
    if guide:
        first = next((p for p in guide if p.answers), None)
        sources = (Hit(first, 1.0),) if first else ()
        return Found(passage=first, choices=tuple(p for p in guide if p.heading), sources=sources)
    return Found(choices=tuple(p for p in mine if p.number == 0))


@lru_cache(maxsize=1)
def _stop_words() -> tuple[frozenset[str], frozenset[str]]:
    """Without accents, for messages typed without; and as they are: "vay" (so) must not swallow "váy" (a skirt)."""
    said = frozenset(word for phrase in words("dialogue")["stop"] for word in str(phrase).split())
    return frozenset(map(plain, said)), said


@lru_cache(maxsize=1)
def _topic_words() -> frozenset[str]:
    phrases = [phrase for known in words("dialogue")["topics"].values() for phrase in known]
    return frozenset(token for phrase in phrases for token in normal(phrase).split())


@lru_cache(maxsize=1)
def _written_out() -> dict[str, str]:
    """Short forms of chat and the words they stand for."""
    return {str(short): str(whole) for short, whole in words("usage").get("short", {}).items()}


@lru_cache(maxsize=1)
def _beside_the_point() -> re.Pattern[str]:
    phrases = sorted(map(str, words("usage")["beside_the_point"]), key=len, reverse=True)
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, phrases))})\b")
