"""Articles that the staff write: each publication is a version of its own, and the newest of a slug counts."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crm import articles, audit, clock
from crm.articles import Article, Passage
from crm.errors import InvalidInput, NotFound, PermissionDenied
from crm.models.catalogue import Product
from crm.models.knowledge import AuthoredArticle
from crm.models.staff import Role, Staff
from crm.settings import settings
from crm.text import clean
from crm.words import normal

TOPICS = ("use", "clean", "setup", "fault", "policy")
LONGEST_PASSAGE = 3000
_MAY = (Role.AGENT, Role.LEAD, Role.ADMIN, Role.OWNER)
_SLUG = re.compile(r"[a-z0-9]+(?:[-/][a-z0-9]+)*")


@dataclass(frozen=True)
class Draft:
    """What is to be published. `slug` names it (`may-lanh/ve-sinh` stands in for the file of that path).

    `sku` is the product it speaks of, None for the whole shop; `topic` one of TOPICS; `body` Markdown; `asked` what
    customers ask in their own words, by the heading that answers ("" the beginning).
    """

    slug: str
    title: str
    topic: str
    body: str
    sku: str | None = None
    keywords: Sequence[str] = ()
    asked: Mapping[str, Sequence[str]] = field(default_factory=dict)


def draft_of(file: Path, slug: str = "") -> Draft:
    """What a Markdown file with front matter says; `slug`: its name, where the file's own is not meant.

    Raises InvalidInput where it is no text in UTF-8, or its front matter is broken or lacks the title or the topic.
    """
    front, body = articles.split(articles.content(file), str(file))
    return _drafted(slug or file.stem, front, body, str(file))


def publish(session: Session, staff_id: int, draft: Draft) -> AuthoredArticle:
    """Adds the next version of `draft.slug`: from then on questions find it, in every process.

    Raises:
        InvalidInput: a value cannot be used.
        NotFound: there is no such member of staff.
        PermissionDenied: the answers are not theirs to write.
    """
    author = _author(session, staff_id)
    _check(session, draft)
    return _add(session, author, draft, published=True)


def draft_in(article: AuthoredArticle) -> Draft:
    """What was published."""
    front, body = articles.parted(article.body, article.slug)
    asked = articles.asked_of(front, body, article.slug)
    keywords = tuple(map(str, article.keywords))
    return Draft(article.slug, article.title, article.topic, body, article.sku, keywords, asked)


def refuse_taken(session: Session, slug: str) -> None:
    """Raises InvalidInput when an article of that name is there already: a new one must not take its place."""
    if _last(session, slug) is not None or (settings().data_dir / "knowledge" / path(slug)).is_file():
        raise InvalidInput("title", "an article with this title exists already")


def withdraw(session: Session, staff_id: int, slug: str) -> AuthoredArticle:
    """Takes the article away by a last version that is not published.

    Raises NotFound when none is published, and PermissionDenied.
    """
    author = _author(session, staff_id)
    last = _last(session, slug)
    if last is None or not last.published:
        raise NotFound(f"published article {slug}")
    return _add(session, author, draft_in(last), published=False)


def add_question(session: Session, staff_id: int, key: str, question: str) -> AuthoredArticle:
    """Publishes the article again with `question` among what is asked of the passage named `key`.

    An article that lies in a file is stood in for by the publication from then on.

    Raises:
        InvalidInput: the question is empty, too long, or asked there already.
        NotFound: there is no such passage or member of staff.
        PermissionDenied: the answers are not theirs to write.
    """
    author = _author(session, staff_id)
    said = " ".join(clean(question).split())
    if not 0 < len(said) <= articles.LONGEST_QUESTION:
        raise InvalidInput("question", f"1 to {articles.LONGEST_QUESTION} characters")
    draft, heading = _holding(session, key)
    known = tuple(draft.asked.get(heading, ()))
    if normal(said) in map(normal, known):
        raise InvalidInput("question", f"it is asked of {key} already")
    draft = replace(draft, asked={**draft.asked, heading: (*known, said)})
    _check(session, draft)
    article = _add(session, author, draft, published=True)
    audit.record(session, author, "article_question", "article", article.id, key=key, version=article.version)
    return article


def versions(session: Session, slug: str) -> list[AuthoredArticle]:
    """Every version of `slug`, the newest first; empty where there is none."""
    mine = select(AuthoredArticle).where(AuthoredArticle.slug == slug)
    return list(session.scalars(mine.order_by(AuthoredArticle.version.desc())))


def published(session: Session) -> list[AuthoredArticle]:
    """The newest version of every article that is not withdrawn, by slug."""
    newest = select(func.max(AuthoredArticle.id)).group_by(AuthoredArticle.slug)
    live = select(AuthoredArticle).where(AuthoredArticle.id.in_(newest), AuthoredArticle.published)
    return list(session.scalars(live.order_by(AuthoredArticle.slug)))


def current(session: Session, slug: str) -> Draft:
    """The article as customers are answered from it: as it was published last, or as it lies in its file.

    Raises NotFound where there is none, or it was withdrawn and has no file.
    """
    last = _last(session, slug)
    if last is not None and last.published:
        return draft_in(last)
    file = settings().data_dir / "knowledge" / path(slug)
    if not _SLUG.fullmatch(slug) or not file.is_file():
        raise NotFound(f"article {slug}")
    return draft_of(file, slug)


def mark(session: Session) -> tuple[object, ...]:
    """Changes with every publication and withdrawal: the newest row, and how many, as ids may commit out of order."""
    counted = select(func.max(AuthoredArticle.id), func.count(AuthoredArticle.id), func.max(AuthoredArticle.created_at))
    return tuple(session.execute(counted).one())


def cut(article: AuthoredArticle) -> list[Passage]:
    """The article's passages."""
    draft = draft_in(article)
    asked = {heading: tuple(said) for heading, said in draft.asked.items()}
    of = Article(
        path(article.slug), article.title, article.sku, article.topic, tuple(draft.keywords), article.version, asked
    )
    return articles.passages(of, draft.body)


def path(slug: str) -> str:
    """Where the article would lie as a file."""
    return f"{slug}.md"


def _add(session: Session, author: Staff, draft: Draft, published: bool) -> AuthoredArticle:
    last = _last(session, draft.slug)
    article = AuthoredArticle(
        slug=draft.slug,
        version=last.version + 1 if last else 1,
        title=draft.title.strip(),
        sku=draft.sku,
        topic=draft.topic,
        keywords=[keyword.strip() for keyword in draft.keywords if keyword.strip()],
        body=_stored(draft),
        published=published,
        author_id=author.id,
        created_at=clock.now(),
    )
    session.add(article)
    session.flush()
    done = "article_publish" if published else "article_withdraw"
    audit.record(session, author, done, "article", article.id, slug=article.slug, version=article.version)
    return article


def _stored(draft: Draft) -> str:
    """The Markdown that is kept: what is asked stands before it, as front matter."""
    asked = {heading: list(said) for heading, said in draft.asked.items() if said}
    if not asked:
        return draft.body.strip()
    front = yaml.safe_dump({"asked": asked}, allow_unicode=True, sort_keys=False, width=1000)
    return f"---\n{front}---\n\n{draft.body.strip()}"


def _holding(session: Session, key: str) -> tuple[Draft, str]:
    """The article that has the passage `key`, as it is published or lies in its file, and the passage's heading."""
    where, _, number = key.rpartition("#")
    try:
        draft = current(session, where.removesuffix(".md"))
    except NotFound as error:
        raise NotFound(f"passage {key}") from error
    of = Article(where, draft.title, draft.sku, draft.topic, ())
    parts = articles.passages(of, draft.body)
    heading = next((part.heading for part in parts if str(part.number) == number), None)
    if heading is None:
        raise NotFound(f"passage {key}")
    return draft, heading


def _drafted(slug: str, front: Mapping[str, Any], body: str, source: str) -> Draft:
    about = articles.about(front, source)
    asked = articles.asked_of(front, body, source)
    return Draft(slug, about.title, about.topic, body, about.sku, about.keywords, asked)


def _last(session: Session, slug: str) -> AuthoredArticle | None:
    mine = select(AuthoredArticle).where(AuthoredArticle.slug == slug)
    return session.scalar(mine.order_by(AuthoredArticle.version.desc()).limit(1))


def _author(session: Session, staff_id: int) -> Staff:
    author = session.get(Staff, staff_id)
    if author is None or not author.active:
        raise NotFound(f"member of staff {staff_id}")
    if author.role not in _MAY:
        raise PermissionDenied(f"{author.username} ({author.role}) may not say what the assistant answers")
    return author


def _check(session: Session, draft: Draft) -> None:
    if not _SLUG.fullmatch(draft.slug) or len(draft.slug) > 150:
        raise InvalidInput("slug", "up to 150 small letters a-z and digits, parted by - or /")
    if not draft.title.strip() or len(draft.title) > 200:
        raise InvalidInput("title", "1 to 200 characters")
    if draft.topic not in TOPICS:
        raise InvalidInput("topic", f"one of {', '.join(TOPICS)}")
    if draft.sku is not None and session.scalar(select(Product.id).where(Product.sku == draft.sku)) is None:
        raise InvalidInput("product", f"there is no product {draft.sku}")
    if draft.body.lstrip().startswith("---"):
        raise InvalidInput("body", "the article begins after its front matter, and with no line of ---")
    asked = {heading: list(said) for heading, said in draft.asked.items()}
    articles.asked_of({"asked": asked}, draft.body, "asked")
    parts = articles.passages(Article(path(draft.slug), draft.title, draft.sku, draft.topic, ()), draft.body)
    if not parts:
        raise InvalidInput("body", "an article says something")
    if longest := next((part for part in parts if len(part.text) > LONGEST_PASSAGE), None):
        raise InvalidInput("body", f"the part {longest.subject!r} does not fit into a message: cut it by ## headings")
