"""Product guides and shop-wide articles: Markdown under `data/knowledge/`, cut into passages that stand alone."""

import itertools
import re
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from crm.errors import InvalidInput
from crm.words import normal

_FRONT = re.compile(r"\A---\n(.*?)\n---\n(.*)\Z", re.DOTALL)
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
    return [_passage(article, number, heading, text) for number, (heading, text) in enumerate(cut) if text]


def terms(said: str) -> list[str]:
    """Words without accents and pairs of them: what questions and passages are compared by."""
    single = normal(said).split()
    return single + [f"{a}_{b}" for a, b in itertools.pairwise(single)]


def _cut(section: str) -> tuple[str, str]:
    heading, _, text = section.partition("\n")
    return heading.strip(), text.strip()


def _passage(article: Article, number: int, heading: str, text: str) -> Passage:
    tokens = terms(heading or article.title) * 3 + terms(article.title) + terms(text)
    for keyword in article.keywords:
        tokens += terms(keyword)
    return Passage(article, number, heading, text, tuple(tokens))
