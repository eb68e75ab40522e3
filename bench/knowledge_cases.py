"""Questions to learn the ranking from, with the candidates that the bot would weigh for each of them."""

import random
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sqlalchemy.orm import Session

from bench.knowledge_questions import Asked, read, shop
from crm import articles, catalogue, knowledge, ranking
from crm.articles import Passage
from crm.ranking import Candidates
from crm.retrieval import Index

DEVELOPMENT = Path(__file__).parent / "knowledge_development.jsonl"
PARTS, GONE_PARTS = 6, 8
WITH_ACCENTS = 0.6
UNNAMED = 0.2
OTHER_PRODUCT = 0.25
GONE_EACH = 3
SHORT_EACH = 3
WORDS_LOST = 0.3


@dataclass(frozen=True)
class Case:
    """One question's candidates, and which of them answer.

    `kind`: "asked" of articles without it, "echo" (a known one said again with words lost), "short" (what a section's
    trouble is called, and no more), "gone" (its passage taken away), "other" (another product is talked about), or
    "file". `number` is the row of the file.
    """

    kind: str
    number: int
    accents: bool
    answerable: bool
    found: Candidates
    right: npt.NDArray[np.bool_]


def cases() -> list[Case]:
    """All of them, each twice: with embeddings and by words alone. Always the same for the same articles."""
    chance = random.Random(3)
    with tempfile.TemporaryDirectory(prefix="trian-fit-") as folder, shop(Path(folder)) as session:
        full = knowledge.index(session)
        found = [case for each in _asked(full, session, chance) for case in each]
        found += [case for each in _gone(full, session, chance) for case in each]
        found += [case for each in _short(full, session, chance) for case in each]
        for number, asked in enumerate(read(DEVELOPMENT)):
            for said in (asked, asked.stripped()) if asked.accents else (asked,):
                found += _weighed(session, full, said, "file", number)
    return found


def _asked(full: Index, session: Session, chance: random.Random) -> Iterator[list[Case]]:
    skus = sorted({str(sku) for sku in full.skus if sku})
    for part in range(PARTS):
        kept, held = _parted(full.passages, part)
        index = Index(kept, full)
        for passage, said in held:
            sku = passage.article.sku
            asked = _question(said, sku or chance.choice([None, None, *skus]), passage, chance)
            if sku and chance.random() < UNNAMED:
                asked = replace(asked, product=None)
            yield _weighed(session, index, asked, "asked")
            if sku and chance.random() < OTHER_PRODUCT and not catalogue.mentioned(session, said):
                other = chance.choice([known for known in skus if known != sku])
                yield _weighed(session, index, replace(asked, product=other, answers=frozenset()), "other")
    for passage in full.passages:
        for said in chance.sample(passage.asked, min(1, len(passage.asked))):
            left = " ".join(word for word in said.split() if chance.random() > WORDS_LOST) or said
            yield _weighed(session, full, _question(left, passage.article.sku, passage, chance), "echo")


def _short(full: Index, session: Session, chance: random.Random) -> Iterator[list[Case]]:
    """Troubles by their names in `data/words/usage.yml`: of a known product, or of none, when all with it answer."""
    for passage in full.passages:
        names = articles.synonyms(passage.heading)
        for said in chance.sample(names, min(SHORT_EACH, len(names))):
            same = {p.key: p.article.sku for p in full.passages if said in articles.synonyms(p.heading)}
            sku = passage.article.sku if chance.random() > UNNAMED else None
            answers = frozenset(key for key, of in same.items() if sku is None or of == sku)
            asked = Asked(said, sku, answers, True)
            yield _weighed(session, full, asked if chance.random() < WITH_ACCENTS else asked.stripped(), "short")


def _gone(full: Index, session: Session, chance: random.Random) -> Iterator[list[Case]]:
    for part in range(GONE_PARTS):
        gone = [p for place, p in enumerate(full.passages) if place % GONE_PARTS == part and p.article.sku]
        index = Index([p for p in full.passages if p not in gone], full)
        for passage in gone:
            for said in chance.sample(passage.asked, min(GONE_EACH, len(passage.asked))):
                asked = _question(said, passage.article.sku, passage, chance)
                yield _weighed(session, index, replace(asked, answers=frozenset()), "gone")


def _parted(passages: Sequence[Passage], part: int) -> tuple[list[Passage], list[tuple[Passage, str]]]:
    """The passages without a sixth of what is asked of each, and that sixth."""
    kept, held = [], []
    for place, passage in enumerate(passages):
        mine = [said for number, said in enumerate(passage.asked) if (number + place) % PARTS == part]
        kept.append(articles.heard(passage, [said for said in passage.asked if said not in mine]))
        held += [(passage, said) for said in mine if passage.answers]
    return kept, held


def _question(said: str, product: str | None, passage: Passage, chance: random.Random) -> Asked:
    asked = Asked(said, product, frozenset([passage.key]), True)
    return asked if chance.random() < WITH_ACCENTS else asked.stripped()


def _weighed(session: Session, index: Index, asked: Asked, kind: str, number: int = 0) -> list[Case]:
    named = catalogue.mentioned(session, asked.question)
    skus = [product.sku for product in named] or ([asked.product] if asked.product else [])
    if len(skus) > 1:
        return []
    question = knowledge.question_of(index, asked.question, knowledge.product_names(named))
    both = []
    for manner in (question, replace(question, vector=None)):
        found = ranking.candidates(index, manner, frozenset(skus) if skus else None)
        right = np.array([index.passages[row].key in asked.answers for row in found.rows], dtype=bool)
        if len(right):
            both.append(Case(kind, number, ranking.accented(question), bool(asked.answers), found, right))
    return both
