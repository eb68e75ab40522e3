"""Product guides and shop-wide articles: Markdown under `data/knowledge/`, cut into passages that stand alone."""

import itertools
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from crm.accents import plain, spoken
from crm.errors import InvalidInput
from crm.text import spelling
from crm.words import mentioned, words

_FRONT = re.compile(r"\A---\n(.*?)\n---\n(.*)\Z", re.DOTALL)
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C one is five times as fast, where it was built
MAX_HOMES = 2
HEADING_WEIGHT = 2
LONGEST_QUESTION = 300
SHORTEST_LINE = 9
QUESTION = "? "  # stands before a question among the texts to embed: a question's embedding is not a passage's
_STEP = re.compile(r"^\d+\. ", re.MULTILINE)


@dataclass(frozen=True)
class Article:
    """`path` is relative to the knowledge directory (an authored article has one as if it lay there).

    `sku` None means it holds for the whole shop. `version` 0 is a file. `asked`: what customers ask in words of their
    own, by the heading of the section that answers ("" the beginning).
    """

    path: str
    title: str
    sku: str | None
    topic: str
    keywords: tuple[str, ...]
    version: int = 0
    asked: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, eq=False)
class Passage:
    """One answer: the article's beginning (`heading` empty) or one of its sections.

    `answers` False: it says nothing of its own, as a beginning that only leads to the sections with the steps.
    """

    article: Article
    number: int
    heading: str
    text: str
    answers: bool
    tokens: tuple[str, ...] = field(repr=False)
    spelt: tuple[str, ...] = field(repr=False)
    topic: tuple[str, ...] = field(repr=False)
    asked: tuple[str, ...] = field(repr=False, default=())
    asked_tokens: tuple[str, ...] = field(repr=False, default=())
    spelt_tokens: tuple[str, ...] = field(repr=False, default=())

    @property
    def key(self) -> str:
        """Names the passage: `may-giat/ve-sinh.md#2`."""
        return f"{self.article.path}#{self.number}"

    @property
    def vocabulary(self) -> frozenset[str]:
        """Its words and pairs of words without accents."""
        return _sets(self)[0]

    @property
    def spellings(self) -> frozenset[str]:
        """Its words with their accents."""
        return _sets(self)[1]

    @property
    def topic_spellings(self) -> frozenset[str]:
        """The words of heading, symptom and keywords, with accents and without."""
        return _sets(self)[2]

    @property
    def asked_terms(self) -> tuple[frozenset[str], ...]:
        """For each asked question its words and pairs of words without accents."""
        return _asked_sets(self)

    @property
    def asked_words(self) -> frozenset[str]:
        """The words and pairs of them of all asked questions, without accents."""
        return _asked_words(self)

    @property
    def steps(self) -> tuple[str, ...]:
        """Each line under its subject: embedded alone, a line is found by what one step or symptom says."""
        lines = (_STEP.sub("", line).strip() for line in self.text.split("\n"))
        return tuple(f"{self.subject}: {line}" for line in lines if len(line) >= SHORTEST_LINE)

    @property
    def texts(self) -> tuple[str, ...]:
        """What of it is embedded: its subject, its steps, and each asked question marked as one."""
        return (self.subject, *self.steps, *(f"{QUESTION}{said}" for said in self.asked))

    @property
    def subject(self) -> str:
        """What it is about, in few words."""
        return self.heading or self.article.title


def read(path: Path, root: Path) -> list[Passage]:
    """The passages of the article at `path`. Raises InvalidInput when it is no UTF-8 or its front matter is broken."""
    front, body = split(content(path), str(path))
    said, asked = about(front, str(path)), asked_of(front, body, str(path))
    article = Article(path.relative_to(root).as_posix(), said.title, said.sku, said.topic, said.keywords, asked=asked)
    return passages(article, body)


def content(path: Path) -> str:
    """The text of a Markdown file, without the mark that some editors put before it. Raises InvalidInput, OSError."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidInput(str(path), "it is no text in UTF-8; save it as UTF-8 and try again") from None


@dataclass(frozen=True)
class About:
    """What the front matter says of an article."""

    title: str
    sku: str | None
    topic: str
    keywords: tuple[str, ...]


def about(front: Mapping[str, Any], source: str) -> About:
    """The front matter's title, product, topic and keywords; raises InvalidInput, naming `source`, for another kind."""
    plain_values = (str, int, float)
    for name in ("title", "product", "topic"):
        if not isinstance(front.get(name) or "", plain_values):
            raise InvalidInput(source, f"`{name}` is one line of text")
    keywords = front.get("keywords") or []
    if not isinstance(keywords, list) or not all(isinstance(one, plain_values) for one in keywords):
        raise InvalidInput(source, "`keywords` is a list: [máy giặt, vệ sinh]")
    sku = str(front["product"]) if front.get("product") else None
    return About(str(front["title"]), sku, str(front["topic"]), tuple(map(str, keywords)))


def asked_of(front: Mapping[str, Any], body: str, source: str) -> dict[str, tuple[str, ...]]:
    """The front matter's `asked`; raises InvalidInput, naming `source`, when it is no questions of the sections."""
    asked = front.get("asked") or {}
    if not isinstance(asked, dict):
        raise InvalidInput(source, "`asked` maps headings to lists of questions")
    headings = {heading for _, heading, _ in _parts(body)}
    for heading, questions in asked.items():
        if heading not in headings:
            raise InvalidInput(source, f"`asked` names {heading!r}, which is no section with a text")
        if not isinstance(questions, list) or not all(isinstance(said, str) and said.strip() for said in questions):
            raise InvalidInput(
                source, f"`asked` of {heading!r} is a list of questions: quote one with a colon or number"
            )
        if longest := next((said for said in questions if len(said) > LONGEST_QUESTION), None):
            raise InvalidInput(source, f"a question has up to {LONGEST_QUESTION} characters: {longest[:40]!r}…")
    return {heading: tuple(said.strip() for said in questions) for heading, questions in asked.items()}


def split(content: str, source: str) -> tuple[dict[str, Any], str]:
    """Front matter and body of a Markdown article; raises InvalidInput, naming `source`, when it is broken."""
    if not _FRONT.match(content):
        raise InvalidInput(source, "an article begins with front matter between two lines of ---")
    front, body = parted(content, source)
    if not front.get("title") or not front.get("topic"):
        raise InvalidInput(source, "the front matter names at least a title and a topic")
    return front, body


def parted(content: str, source: str) -> tuple[dict[str, Any], str]:
    """Front matter (empty where there is none) and the rest. Raises InvalidInput, naming `source`, if broken."""
    found = _FRONT.match(content)
    if found is None:
        return {}, content
    try:
        front = yaml.load(found[1], Loader=_Loader)
    except (yaml.YAMLError, ValueError) as problem:  # ValueError: a day like 2026-13-01
        raise InvalidInput(source, f"the front matter is no YAML: {problem}") from problem
    if not isinstance(front, dict):
        raise InvalidInput(source, "the front matter maps names to values")
    return front, found[2]


def passages(article: Article, body: str) -> list[Passage]:
    """`body` cut at its second-level headings. Empty sections are left out; the others keep their number."""
    parts = _parts(body)
    homes = _homes(article, parts)
    stepless = not any(_STEP.search(text) for _, _, text in parts)
    return [_passage(article, *part, homes[place], stepless) for place, part in enumerate(parts)]


def terms(said: str) -> list[str]:
    """Words without accents and pairs of them: what questions and passages are compared by."""
    single = [plain(word) for word in spoken(said)]
    return [*map(sys.intern, single), *(sys.intern(f"{a}_{b}") for a, b in itertools.pairwise(single))]


def _parts(body: str) -> list[tuple[int, str, str]]:
    """Number, heading and text of each part that says something."""
    lead, *sections = re.split(r"^## ", body, flags=re.MULTILINE)
    cut = [("", lead.strip()), *(_cut(section) for section in sections)]
    return [(number, heading, text) for number, (heading, text) in enumerate(cut) if text]


def _cut(section: str) -> tuple[str, str]:
    heading, _, text = section.partition("\n")
    return heading.strip(), text.strip()


def _homes(article: Article, parts: Sequence[tuple[int, str, str]]) -> list[list[str]]:
    """For each part the keywords it shares the most words with, the heading's counting more; the first takes the rest.

    Words of the article's title say nothing of where a keyword belongs.
    """
    title = _both(article.title)
    headings = [_both(" ".join([heading, *synonyms(heading)])) for _, heading, _ in parts]
    texts = [_both(text) for _, _, text in parts]
    homes: list[list[str]] = [[] for _ in parts]
    for keyword in article.keywords:
        wanted = frozenset(map(spelt, spoken(keyword))) - title
        shared = [
            HEADING_WEIGHT * len(wanted & heading) + len(wanted & text)
            for heading, text in zip(headings, texts, strict=True)
        ]
        best = max(shared, default=0)
        places = [place for place, count in enumerate(shared) if count == best] if best > len(wanted) else [0]
        for place in places[:MAX_HOMES]:
            homes[place].append(keyword)
    return homes


@lru_cache(maxsize=100_000)
def spelt(word: str) -> str:
    """`word`'s letters and then its marks; remembered."""
    return sys.intern(spelling(word))


def _both(said: str) -> frozenset[str]:
    """The words with their marks, and without: a keyword written without accents fits too."""
    words_said = spoken(said)
    return frozenset(map(spelt, words_said)) | frozenset(map(plain, words_said))


@lru_cache(maxsize=20_000)
def synonyms(heading: str) -> tuple[str, ...]:
    """Other words for the trouble that a heading names (`data/words/usage.yml`)."""
    groups = [group for group in words("usage")["synonyms"] if mentioned(heading, group)]
    return tuple(str(phrase) for group in groups for phrase in group)


def _passage(
    article: Article, number: int, heading: str, text: str, keywords: Sequence[str], stepless: bool
) -> Passage:
    also = synonyms(heading)
    tokens = terms(heading or article.title) * 3 + terms(article.title) + terms(text)
    for keyword in (*keywords, *also):
        tokens += terms(keyword) * 2
    parts = _STEP.split(text)
    marked = frozenset(map(spelt, spoken(" ".join([heading, article.title, text, *keywords, *also]))))
    topic = _both(" ".join([heading or article.title, parts[0], *keywords, *also]))
    asked = article.asked.get(heading, ())
    answers = stepless or len(parts) > 1
    fields = (tuple(tokens), tuple(marked), tuple(topic))
    passage = Passage(article, number, heading, text, answers, *fields)
    return heard(passage, asked)


def heard(passage: Passage, asked: Sequence[str]) -> Passage:
    """The same passage, of which these questions are asked."""
    tokens = tuple(term for said in asked for term in terms(said))
    subject = passage.subject
    marked = tuple(spelt(word) for said in (subject, subject, passage.text, *asked) for word in spoken(said))
    return replace(passage, asked=tuple(asked), asked_tokens=tokens, spelt_tokens=marked)


@lru_cache(maxsize=2048)
def _sets(passage: Passage) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """For the passages in demand only: sets of all words of thousands of articles took half a gigabyte."""
    return frozenset(passage.tokens), frozenset(passage.spelt), frozenset(passage.topic)


@lru_cache(maxsize=2048)
def _asked_sets(passage: Passage) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(terms(said)) for said in passage.asked)


@lru_cache(maxsize=2048)
def _asked_words(passage: Passage) -> frozenset[str]:
    return frozenset(passage.asked_tokens)
