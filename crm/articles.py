"""Product guides and shop-wide articles: Markdown under `data/knowledge/`, cut into passages that stand alone."""

import itertools
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from crm.errors import InvalidInput
from crm.text import spelling
from crm.words import mentioned, normal, words

_FRONT = re.compile(r"\A---\n(.*?)\n---\n(.*)\Z", re.DOTALL)
_WORD = re.compile(r"\w+")
MAX_HOMES = 2
HEADING_WEIGHT = 2
_STEP = re.compile(r"^\d+\. ", re.MULTILINE)


@dataclass(frozen=True)
class Article:
    """`path` is relative to the knowledge directory; `sku` None means it holds for the whole shop."""

    path: str
    title: str
    sku: str | None
    topic: str
    keywords: tuple[str, ...]


@dataclass(frozen=True)
class Passage:
    """One answer: the article's beginning (`heading` empty) or one of its sections."""

    article: Article
    number: int
    heading: str
    text: str
    tokens: tuple[str, ...] = field(repr=False)
    vocabulary: frozenset[str] = field(repr=False)
    spellings: frozenset[str] = field(repr=False)
    topic_spellings: frozenset[str] = field(repr=False)

    @property
    def key(self) -> str:
        """Names the passage: `may-giat/ve-sinh.md#2`."""
        return f"{self.article.path}#{self.number}"

    @property
    def has_steps(self) -> bool:
        """Whether it says what to do, and not only what follows."""
        return bool(_STEP.search(self.text))


def read(path: Path, root: Path) -> list[Passage]:
    """The passages of the article at `path`. Raises InvalidInput when its front matter is broken."""
    found = _FRONT.match(path.read_text(encoding="utf-8"))
    if found is None:
        raise InvalidInput(str(path), "an article begins with front matter between two lines of ---")
    front = yaml.safe_load(found[1])
    article = Article(
        path=path.relative_to(root).as_posix(),
        title=str(front["title"]),
        sku=front.get("product"),
        topic=str(front["topic"]),
        keywords=tuple(map(str, front.get("keywords", []))),
    )
    lead, *sections = re.split(r"^## ", found[2], flags=re.MULTILINE)
    cut = [("", lead.strip()), *(_cut(section) for section in sections)]
    parts = [(number, heading, text) for number, (heading, text) in enumerate(cut) if text]
    homes = _homes(article, parts)
    return [_passage(article, *part, homes[place]) for place, part in enumerate(parts)]


def terms(said: str) -> list[str]:
    """Words without accents and pairs of them: what questions and passages are compared by."""
    single = normal(said).split()
    return single + [f"{a}_{b}" for a, b in itertools.pairwise(single)]


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
        wanted = frozenset(map(spelling, _words(keyword))) - title
        shared = [
            HEADING_WEIGHT * len(wanted & heading) + len(wanted & text)
            for heading, text in zip(headings, texts, strict=True)
        ]
        best = max(shared, default=0)
        places = [place for place, count in enumerate(shared) if count == best] if best > len(wanted) else [0]
        for place in places[:MAX_HOMES]:
            homes[place].append(keyword)
    return homes


def _words(said: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFC", said.lower()))


def _both(said: str) -> frozenset[str]:
    """The words with their marks, and without: a keyword written without accents fits too."""
    return frozenset(map(spelling, _words(said))) | frozenset(normal(said).split())


def synonyms(heading: str) -> list[str]:
    """Other words for the trouble that a heading names (`data/words/usage.yml`)."""
    groups = [group for group in words("usage")["synonyms"] if mentioned(heading, group)]
    return [str(phrase) for group in groups for phrase in group]


def _passage(article: Article, number: int, heading: str, text: str, keywords: Sequence[str]) -> Passage:
    also = synonyms(heading)
    tokens = terms(heading or article.title) * 3 + terms(article.title) + terms(text)
    for keyword in (*keywords, *also):
        tokens += terms(keyword) * 2
    symptom = _STEP.split(text)[0]
    spellings = frozenset(map(spelling, _words(" ".join([heading, article.title, text, *keywords, *also]))))
    topic = _both(" ".join([heading or article.title, symptom, *keywords, *also]))
    return Passage(article, number, heading, text, tuple(tokens), frozenset(tokens), spellings, topic)
