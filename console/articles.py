"""The knowledge that answers are quoted from: every article, whether it came with the product or staff wrote it."""

from dataclasses import dataclass

from nicegui import ui
from sqlalchemy.orm import Session

from console import desk, guard, inbox, phrases
from console.frame import frame
from console.language import _
from console.learning import learning_tabs
from console.pieces import Canvas, attribute, box, empty, link, moment, pill, symbol, text
from console.visits import Visit
from crm import authored_articles, knowledge
from crm.articles import Article
from crm.models.knowledge import AuthoredArticle
from crm.text import fold

MOST = 100


@dataclass(frozen=True)
class Shelf:
    """Every article that answers, by title, with its newest version where staff wrote it."""

    articles: list[Article]
    written: dict[str, AuthoredArticle]


def _read(session: Session) -> Shelf:
    every = {passage.article.path: passage.article for passage in knowledge.index(session).passages}
    written = {authored_articles.path(one.slug): one for one in authored_articles.published(session)}
    return Shelf(sorted(every.values(), key=lambda article: fold(article.title)), written)


def topics() -> dict[str, str]:
    """What an article can be about."""
    return {
        "use": _("Using it"),
        "clean": _("Cleaning and care"),
        "setup": _("Setting it up"),
        "fault": _("Faults and what to do"),
        "policy": _("Rules of the shop"),
    }


@guard.page("/articles")
async def page(visit: Visit) -> None:
    """The list, narrowed down while typing, accents or none."""
    shelf = await desk.look(_read)
    with frame(visit, _("The assistant learns"), await inbox.for_visitor(visit.visitor)):
        learning_tabs(visit, "/articles")
        with box("tools"):
            field = ui.input(placeholder=_("Search by title or product"))
            field.props("outlined dense clearable debounce=150").classes("search narrow")
            with link("/articles/new", "btn primary"):
                symbol("post_add")
                text(_("Write an article"), tag="span")
        place = Canvas("stack")

    async def find() -> None:
        words = fold(field.value or "").split()
        found = [one for one in shelf.articles if all(word in _sought(one) for word in words)]
        place.show([one.path for one in found], lambda: _draw(found, shelf.written))

    field.on_value_change(find)
    await find()


def _sought(article: Article) -> str:
    return fold(f"{article.title} {article.sku or ''} {' '.join(article.keywords)} {article.path}")


def _draw(found: list[Article], written: dict[str, AuthoredArticle]) -> None:
    if not found:
        return empty("menu_book", _("No article fits"), _("Try fewer words, or write the article that is missing."))
    with box("card rows"):
        for article in found[:MOST]:
            _row(article, written.get(article.path))
    if len(found) > MOST:
        text(_("The first {n} are shown. Type more to narrow it down.").format(n=MOST), "dim")
    return None


def _row(article: Article, written: AuthoredArticle | None) -> None:
    slug = article.path.removesuffix(".md")
    with attribute(link(f"/articles/{slug}", "entry"), data_article=slug):
        with box("row-main"):
            with box("row-head"):
                text(article.title, "strong", "span")
                pill(topics().get(article.topic, article.topic))
            text(article.sku or _("The whole shop"), "dim small")
        with box("row-end"):
            if written is None:
                text(_("came with the product"), "dim small")
            else:
                text(_("version {n}").format(n=phrases.number(written.version)), "small")
                moment(written.created_at, "dim small")
