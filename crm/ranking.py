"""How well each passage answers a question, as a probability: what is ranked by, and what a refusal rests on.

Two regressions: one over what speaks for each passage ranks them; one over the `doubts` of the whole question says how
likely any of them answers. Learnt from the articles' own `asked` questions, each left out while it is asked, and from
`bench/knowledge_development.jsonl`, which no figure of the project is measured on: `python -m bench.knowledge_fit`.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from crm.articles import Passage, spelt
from crm.retrieval import CANDIDATES, Index, Lexicons, Question, Scores, Word

Values = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
Asked = tuple[str, str, bool]  # a word: as it is looked for, without accents, whether it was typed so

BY_WORDS = (
    *("said", "said_to_best", "coverage", "topic", "asked", "asked_to_best", "union"),
    *("spelt", "spelt_to_best", "line", "same", "whole_shop"),
)
BY_LIKENESS = ("subject", "step_mean", "asked_mean", "step", "asked_like")
FEATURES = BY_WORDS + BY_LIKENESS
# python -m bench.knowledge_fit
WEIGHTS = {
    ("hybrid", True): (
        *(4.68, 0.76, 0.79, 0.72, 0.6, -1.42, 1.6, -0.04, 2.03, 1.85, 0.89, -1.94),
        *(-0.1, -0.03, 5.96, 4.52, 0.44),
    ),
    ("hybrid", False): (
        *(5.59, 1.06, -0.34, 0.59, 1.75, -1.02, 1.54, 2.34, 1.33, 1.73, 0.53, -1.89),
        *(0.04, -0.06, 5.82, 4.15, 0.2),
    ),
    ("words", True): (5.36, 1.04, 0.77, 1.31, 1.31, -0.91, 1.04, 2.24, 2.76, 1.57, 0.83, -1.97),
    ("words", False): (6.05, 1.29, -0.45, 1.13, 2.27, -0.65, 0.97, 4.07, 2.27, 1.98, 0.47, -1.89),
}
DOUBTS = {
    ("hybrid", True): (-5.42, 0.25, 0.33, -1.0, 1.36, 1.56, -2.47, -1.39, 0.06, 1.56, 0.24, 4.45, -2.06, -1.06),
    ("hybrid", False): (-6.25, 0.32, 0.29, -1.18, 3.06, 1.19, -2.67, -1.06, 0.28, 1.44, 0.18, 2.79, -3.01, -0.68),
    ("words", True): (-2.53, 0.36, 0.23, 1.12, -1.18, 1.25, -2.29, 0.43, 0.43, 0.63, 0.1),
    ("words", False): (-4.29, 0.43, 0.28, -0.52, 1.16, 1.1, -2.81, 0.51, 0.44, 0.92, 0.1),
}
# Less likely answered than that, a question is refused: 0.8 of the development file's unanswerable ones are.
LEAST = {("hybrid", True): 0.64, ("hybrid", False): 0.6, ("words", True): 0.66, ("words", False): 0.58}
ENOUGH_EMBEDDED = 0.9
NEARLY = 0.3  # of the likeliest's share, to be offered beside it
LIKE = 0.6  # above that a question is one that is known to be asked, but for a word or two
NEAREST = len(FEATURES) - 3  # from there on: how near the asked questions and steps are
TOPIC, SAME = BY_WORDS.index("topic"), BY_WORDS.index("same")
ALONE, LONG, SEVERAL = 3.0, 8, 2
USUAL = 0.85  # about the cosine of unrelated sentences in this model


@dataclass(frozen=True)
class Hit:
    """A passage and how likely it answers, between 0 and 1; `enough`: likely enough to be told or offered.

    `share` is how likely it is the one, between 0 and 1, if any of the passages answers; `topical` the share of the
    question's words, 0 to 1, that say what the passage is about.
    """

    passage: Passage
    score: float
    enough: bool = True
    share: float = 1.0
    topical: float = 1.0


@dataclass(frozen=True)
class Candidates:
    """Rows of the index worth a look, shape (n,), and what speaks for each, shape (n, FEATURES) or (n, BY_WORDS).

    `unknown` is the share, 0 to 1, of the question's words that no passage in question has, rare ones counting more;
    `named` whether a product is known; `length` how many telling words the question has.
    """

    rows: Rows
    values: Values
    unknown: float
    named: bool
    length: int

    @property
    def kind(self) -> str:
        """Whether embeddings were had."""
        return "hybrid" if self.values.shape[1] == len(FEATURES) else "words"


def rank(index: Index, question: Question, skus: frozenset[str] | None, bar: float = 0.0) -> list[Hit]:
    """The likeliest answers among the passages of `skus` (None: all) and of the whole shop, best first.

    Args:
        bar: the least probability of an answer, where it is more than usual.
    """
    found = candidates(index, question, skus)
    if not len(found.rows):
        return []
    manner = found.kind, accented(question)
    worth = found.values @ np.array(WEIGHTS[manner])
    shares = shared_out(worth)
    answered = likely(doubts(found, worth) @ np.array(DOUBTS[manner]))
    # A question that has nothing but words of a section's heading, symptom or keywords asks for that section.
    plainly = not bar and found.length >= SEVERAL and found.values[worth.argmax(), TOPIC] == 1
    told = plainly or answered >= max(LEAST[manner], bar)
    order = np.argsort(-worth, kind="stable")
    least = NEARLY * shares.max()
    return [
        Hit(
            index.passages[found.rows[i]],
            answered * float(shares[i]),
            bool(told and shares[i] >= least),
            float(shares[i]),
            float(found.values[i, TOPIC]),
        )
        for i in order
    ]


def shared_out(worth: Values) -> Values:
    """For each candidate the probability that it is the one, if one of them is."""
    apart = np.exp(worth - worth.max())
    shares: Values = apart / apart.sum()
    return shares


def likely(weighed: float) -> float:
    """The logistic function."""
    return float(1 / (1 + np.exp(-weighed)))


def doubts(found: Candidates, worth: Values) -> Values:
    """What tells whether any candidate answers, shape (14,), (11,) by words alone: `worth` is what ranks them."""
    best = np.sort(worth)[::-1]
    shares = np.sort(shared_out(worth))[::-1]
    lead = best[0] - best[1] if len(best) > 1 else ALONE
    named = float(found.named)
    of_question = [found.unknown, named, min(found.length, LONG) / LONG, named * found.unknown, named * best[0]]
    first = found.values[worth.argmax()]
    return np.array([1, best[0], lead, shares[0], shares[:3].sum(), first[SAME], *of_question, *first[NEAREST:]])


def _unknown(index: Index, question: Question, skus: frozenset[str] | None) -> float:
    if not question.asked:
        return 0.0
    lexicons = index.lexicons
    weights = np.array([lexicons.said.rarity(word.plain) for word in question.asked])
    if skus is None:
        known = [_known(word, lexicons) for word in question.asked]
    else:
        said = index.said_of(skus)
        known = [
            word.wanted in (said.plain if word.bare else said.spelt) or word.plain in said.asked
            for word in question.asked
        ]
    return float(weights @ ~np.array(known)) / max(float(weights.sum()), 1e-9)


def _known(word: Word, lexicons: Lexicons) -> bool:
    if lexicons.asked.knows(word.plain):
        return True
    return lexicons.said.knows(word.plain) if word.typed == word.plain else lexicons.spelt.knows(spelt(word.typed))


def candidates(index: Index, question: Question, skus: frozenset[str] | None) -> Candidates:
    """What may answer, among the passages of `skus` (None: all) and of the whole shop."""
    fields = index.lexical(question)
    allowed = np.flatnonzero(index.allowed(skus))
    heads = _likeness(index, question, allowed)
    rows = _worth_a_look(allowed, [scores[allowed] for scores in fields], heads)
    columns = _by_words(index, question, rows, fields)
    if heads is not None:
        columns += _by_likeness(index, question, rows, heads[np.searchsorted(allowed, rows)])
    values = np.column_stack(columns) if len(rows) else np.zeros((0, len(columns)))
    return Candidates(rows, values, _unknown(index, question, skus), skus is not None, len(question.asked))


def _by_words(
    index: Index, question: Question, rows: Rows, fields: tuple[Scores, Scores, Scores]
) -> list[npt.NDArray[np.float64]]:
    passages = [index.passages[row] for row in rows]
    lexicons, (said, asked, marked) = index.lexicons, fields
    weights = np.array([lexicons.said.rarity(word.plain) for word in question.asked])
    weights /= max(float(weights.sum()), 1e-9)
    words = [(word.wanted, word.plain, word.bare) for word in question.asked]
    sets = [_stand_in(words, passage) for passage in passages]
    in_text, in_asked, on_topic = (_held([each[kind] for each in sets], len(weights)) for kind in range(3))
    coverage = in_text @ weights
    line = _lines(index, question, passages)
    union = (in_text | in_asked) @ weights
    return [
        said[rows] / _ideal(lexicons.said.rarity, question.terms),
        said[rows] / max(float(said[rows].max(initial=0.0)), 1e-9),
        coverage,
        on_topic.sum(axis=1) / max(1, len(question.asked)),
        asked[rows] / _ideal(lexicons.asked.rarity, question.terms),
        asked[rows] / max(float(asked[rows].max(initial=0.0)), 1e-9),
        union,
        marked[rows] / _ideal(lexicons.spelt.rarity, question.spelt),
        marked[rows] / max(float(marked[rows].max(initial=0.0)), 1e-9),
        line,
        np.maximum(0.0, line - LIKE) / (1 - LIKE),
        np.array([float(passage.article.sku is None) for passage in passages]),
    ]


def _by_likeness(index: Index, question: Question, rows: Rows, heads: Values) -> list[npt.NDArray[np.float64]]:
    assert question.vector is not None  # whoever calls has looked
    nearest = index.nearest(rows, question.vector).astype(np.float64)
    nearest = np.where(nearest > 0, nearest, heads[:, :1])
    return [(likeness - USUAL) * 10 for likeness in (*heads.T, *nearest.T)]


def _likeness(index: Index, question: Question, allowed: Rows) -> Values | None:
    """The cosines of the question with the allowed passages' heads, shape (allowed, 3); None without embeddings."""
    if question.vector is None or not len(index.embedded) or index.embedded.mean() < ENOUGH_EMBEDDED:
        return None
    # One thread: the threads of BLAS wait for each other longer than the work takes.
    heads, few = index.heads(), len(allowed) < len(index.passages) / 2
    chosen = heads[allowed] if few else heads  # picking most of thousands costs more than all of them do
    likeness: Values = np.einsum("ijk,k->ij", chosen, question.vector).astype(np.float64)
    likeness = likeness if few else likeness[allowed]
    likeness[likeness == 0] = likeness[likeness > 0].mean() if (likeness > 0).any() else 0.0  # not embedded yet
    return likeness


def _worth_a_look(allowed: Rows, fields: Sequence[Scores], heads: Values | None) -> Rows:
    chosen: set[int] = set()
    for scores in fields:
        best = _top(scores, CANDIDATES)
        chosen |= set(allowed[best[scores[best] > 0]].tolist())
    for likeness in heads.T if heads is not None else ():
        chosen |= set(allowed[_top(likeness, CANDIDATES)].tolist())
    return np.array(sorted(chosen), dtype=np.int64)


def _top(scores: Scores, count: int) -> Rows:
    if len(scores) <= count:
        return np.arange(len(scores), dtype=np.int64)
    return np.asarray(np.argpartition(-scores, count)[:count], dtype=np.int64)


def _stand_in(asked: Sequence[Asked], passage: Passage) -> tuple[list[bool], list[bool], list[bool]]:
    """For each word asked: whether the passage has it, whether a question asked of it has, whether it is its topic."""
    bare, spelt_so, topic, known = passage.vocabulary, passage.spellings, passage.topic_spellings, passage.asked_words
    return (
        [wanted in (bare if typed_bare else spelt_so) for wanted, _, typed_bare in asked],
        [plain in known for _, plain, _ in asked],
        [wanted in topic for wanted, _, _ in asked],
    )


def _held(words: list[list[bool]], width: int) -> npt.NDArray[np.bool_]:
    return np.array(words, dtype=bool).reshape(len(words), width)


def _ideal(rarity: Callable[[str], float], terms: Sequence[str]) -> float:
    """What a passage with every one of `terms` could reach, or 1."""
    return sum(map(rarity, terms)) or 1.0


def _lines(index: Index, question: Question, passages: Sequence[Passage]) -> Values:
    """How much the asked question nearest in words shares with this one: 1 the same, 0 no word in common."""
    worth = {term: index.lexicons.asked.rarity(term) for term in question.terms}
    known = worth.keys()
    ideal = sum(worth.values()) or 1.0
    usual = ideal / max(1, len(worth))
    return np.array(
        [
            max(
                (_shared(worth, ideal, usual, line) for line in p.asked_terms if not known.isdisjoint(line)),
                default=0.0,
            )
            for p in passages
        ]
    )


def _shared(worth: dict[str, float], ideal: float, usual: float, line: frozenset[str]) -> float:
    shared = sum(map(worth.__getitem__, line & worth.keys()))
    return shared / math.sqrt(ideal * usual * max(1, len(line)))


def accented(question: Question) -> bool:
    """Whether it was typed with accents."""
    return any(word.typed != word.plain for word in question.asked)
