"""Writing an article: Markdown at the left, how it reads at the right; published at once, every version kept."""

from dataclasses import dataclass, field

from nicegui import ui
from sqlalchemy import select
from sqlalchemy.orm import Session

from console import desk, guard, inbox
from console.articles import topics
from console.desk import act
from console.dialogs import confirmed
from console.frame import frame
from console.language import _
from console.markdown import markdown
from console.pieces import attribute, box, button, empty, moment, pill, section, text
from console.visits import Visit
from crm import authored_articles, review
from crm.authored_articles import LONGEST_PASSAGE, Draft
from crm.models.catalogue import Product
from crm.models.knowledge import AuthoredArticle
from crm.models.review import ReviewState
from crm.models.staff import Staff
from crm.text import fold

FOLDER = "hoi-dap"


@dataclass(frozen=True)
class Sight:
    """What stands in the form when it opens. `question`: the entry of the review queue that asks for the article."""

    draft: Draft
    products: dict[str, str]
    versions: list[AuthoredArticle] = field(default_factory=list)
    entry_id: int | None = None
    question: str = ""


def _products(session: Session) -> dict[str, str]:
    return {product.sku: product.name for product in session.scalars(select(Product).order_by(Product.name))}


def _see(session: Session, slug: str) -> Sight:
    draft = authored_articles.current(session, slug)
    return Sight(draft, _products(session), authored_articles.versions(session, slug))


def _see_new(session: Session, entry_id: int | None) -> Sight:
    blank = Draft("", "", "policy", "")
    if entry_id is None:
        return Sight(blank, _products(session))
    entry = review.get(session, entry_id)
    return Sight(blank, _products(session), [], entry.id, entry.text)


@guard.page("/articles/new")
async def new(visit: Visit, entry: int | None = None) -> None:
    """An empty form, or one for what customers asked (`entry` of the review queue)."""
    sight = await desk.look(lambda session: _see_new(session, entry))
    back = ("/review", _("Not understood")) if entry is not None else ("/articles", _("Knowledge"))
    with frame(visit, _("New article"), await inbox.for_visitor(visit.visitor), back=(back[1], back[0])):
        Form(visit, sight).build()


@guard.page("/articles/{slug:path}")
async def page(visit: Visit, slug: str) -> None:
    """The article as it answers now; what is published becomes its next version."""
    sight = await desk.look(lambda session: _see(session, slug))
    waiting = await inbox.for_visitor(visit.visitor)
    with frame(visit, sight.draft.title, waiting, back=(_("Knowledge"), "/articles")):
        Form(visit, sight).build()


class Form:
    """What is being written."""

    def __init__(self, visit: Visit, sight: Sight) -> None:
        self.visit, self.sight, self.draft = visit, sight, sight.draft

    def build(self) -> None:
        with box("compose article"):
            with box("card pad stack"):
                if self.sight.question:
                    text(_("Customers ask: “{words}”").format(words=self.sight.question), "promise")
                self._build_fields()
                with box("actions"):
                    button(_("Publish"), self._publish, "primary", "publish")
                    if self.sight.versions and self.sight.versions[0].published:
                        button(_("Take it away"), self._withdraw, "danger", "delete")
            with box("stack"):
                with box("card pad"), section(_("As the customer reads it")):
                    self.preview = markdown("article-preview")
                    self.nothing = box("")
                    with self.nothing:
                        empty("edit_note", _("Nothing written yet"), _("What you write appears here."))
                self._build_versions()
        self._show_preview()

    def _build_fields(self) -> None:
        with box(""):
            text(_("Title"), "label")
            self.title = ui.input(value=self.draft.title, placeholder=_("For example: Cleaning the filter"))
            attribute(self.title, aria_label=_("Title")).props("outlined dense maxlength=200").classes("field title")
        with box("pair"):
            with box(""):
                text(_("About"), "label")
                every = {"": _("The whole shop"), **self.sight.products}
                self.sku = ui.select(every, value=self.draft.sku or "", with_input=True)
                attribute(self.sku, aria_label=_("About")).props("outlined dense").classes("field")
            with box(""):
                text(_("Kind"), "label")
                self.topic = ui.select(topics(), value=self.draft.topic)
                attribute(self.topic, aria_label=_("Kind")).props("outlined dense").classes("field")
        with box(""):
            text(_("Text"), "label")
            placeholder = _("Steps as a numbered list. A line that begins with ## starts a part of its own.")
            self.body = ui.textarea(value=self.draft.body, placeholder=placeholder, on_change=self._show_preview)
            attribute(self.body, aria_label=_("Text")).props("outlined autogrow debounce=150")
            self.body.classes("field answer article-body")
            hint = _("Each part is told as one message: at most {n} characters.").format(n=LONGEST_PASSAGE)
            text(hint, "hint")

    def _build_versions(self) -> None:
        if not self.sight.versions:
            return
        with box("card pad"), section(_("Versions")):
            for version in self.sight.versions:
                with attribute(box("version"), data_version=str(version.version)):
                    text(_("version {n}").format(n=version.version), "strong", "span")
                    if not version.published:
                        pill(_("taken away"), "warn")
                    moment(version.created_at, "dim small")
                    self._offer(version)

    def _offer(self, version: AuthoredArticle) -> None:
        async def loaded() -> None:
            old = authored_articles.draft_in(version)
            self.title.value, self.body.value, self.topic.value = old.title, old.body, old.topic
            self._show_preview()

        button(_("Look at it"), loaded, "quiet")

    def _show_preview(self) -> None:
        body = self.body.value or ""
        self.preview.content = body
        self.nothing.set_visibility(not body.strip())

    def _written(self) -> Draft:
        slug = self.draft.slug or f"{FOLDER}/{_slug(self.title.value or '')}"
        asked = dict(self.draft.asked)
        if self.sight.question:
            asked[""] = (*asked.get("", ()), self.sight.question)
        return Draft(
            slug,
            self.title.value or "",
            str(self.topic.value),
            self.body.value or "",
            str(self.sku.value) or None if self.sku.value else None,
            self.draft.keywords,
            asked,
        )

    async def _publish(self) -> None:
        draft = self._written()

        def work(session: Session, staff: Staff) -> str:
            if not self.draft.slug:
                authored_articles.refuse_taken(session, draft.slug)
            published = authored_articles.publish(session, staff.id, draft)
            entry = review.get(session, self.sight.entry_id) if self.sight.entry_id is not None else None
            if entry is not None and entry.state is ReviewState.OPEN:
                review.answer(session, staff, entry.id, published.slug)
            return published.slug

        done = await act("publish_article", work)
        if done:
            ui.navigate.to("/review" if self.sight.entry_id is not None else f"/articles/{done.value}")

    async def _withdraw(self) -> None:
        with self.visit.client:
            words = _("Customers are not answered from it any more. Its versions stay on record.")
            if not await confirmed(_("Take this article away?"), words, _("Take it away"), "danger"):
                return
        slug = self.draft.slug
        if await act("withdraw_article", lambda session, staff: authored_articles.withdraw(session, staff.id, slug).id):
            ui.navigate.to("/articles")


def _slug(title: str) -> str:
    """The title as the name of a file: `Vệ sinh lưới lọc` becomes `ve-sinh-luoi-loc`."""
    letters = "".join(letter if letter.isascii() and letter.isalnum() else " " for letter in fold(title))
    return "-".join(letters.split())[:120].strip("-")
