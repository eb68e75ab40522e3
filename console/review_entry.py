"""One entry of the review queue: what was typed, what the assistant took it for, and what may be decided."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from nicegui import ui
from sqlalchemy.orm import Session

from console import phrases
from console.desk import act, look
from console.language import _
from console.meanings import meaning
from console.pieces import Canvas, attribute, box, button, empty, link, moment, section, symbol, text
from crm import authored_articles, catalogue, intents, knowledge, review
from crm.models.review import ReviewEntry, ReviewSighting, ReviewState
from crm.models.staff import Staff
from crm.ranking import Hit

SHOWN = 5
GUESSES = 3


@dataclass(frozen=True)
class Sight:
    """An entry with its newest messages, the assistant's best guesses and the passages that come nearest."""

    entry: ReviewEntry
    said: list[ReviewSighting]
    guesses: list[tuple[str, float]] = field(default_factory=list)
    near: list[Hit] = field(default_factory=list)


def _see(session: Session, entry_id: int) -> Sight:
    entry = review.get(session, entry_id)
    said = review.sightings(session, entry, limit=SHOWN)
    ranked = next((one.ranking for one in said if one.ranking), [])
    guesses = [(str(one["name"]), float(one["confidence"])) for one in ranked[:GUESSES]]
    found = knowledge.find(session, entry.text, catalogue.mentioned(session, entry.text), None)
    return Sight(entry, said, guesses, list(found.sources[:GUESSES]))


class Decisions:
    """The card of the chosen entry. `decided` is called after each decision."""

    def __init__(self, decided: Callable[[], Awaitable[None]]) -> None:
        self._decided = decided
        self.sight: Sight | None = None

    def build(self) -> None:
        self.card = Canvas("stack")
        self.card.show(None, self._draw_nothing)

    async def show(self, entry_id: int | None) -> None:
        """Draws the entry; None: nothing is chosen."""
        self.sight = await look(lambda session: _see(session, entry_id)) if entry_id is not None else None
        key = self.sight and (self.sight.entry.id, self.sight.entry.state, self.sight.entry.count)
        self.card.show(key, self._draw)

    async def key(self, name: str) -> None:
        """1 to 3 takes a guess, x dismisses, u undoes."""
        sight = self.sight
        if sight is None:
            return
        if sight.entry.state is not ReviewState.OPEN:
            if name == "u":
                await self._undo()
        elif name == "x":
            await self._dismiss()
        elif name.isdigit() and 0 < int(name) <= len(sight.guesses):
            await self._assign(sight.guesses[int(name) - 1][0])

    def _draw_nothing(self) -> None:
        words = _("Choose a message from the list. j and k move, 1 to 3 take a guess, x is nothing to learn, u undoes.")
        empty("touch_app", _("Nothing chosen"), words)

    def _draw(self) -> None:
        sight = self.sight
        if sight is None:
            return self._draw_nothing()
        text(sight.entry.text, "prose strong")
        self._draw_said(sight)
        if sight.entry.state is not ReviewState.OPEN:
            return self._draw_decided(sight.entry)
        self._draw_guesses(sight)
        self._draw_answers(sight)
        with box("actions"):
            button(_("Nothing to learn"), self._dismiss, "", "do_not_disturb_on")
        return None

    def _draw_said(self, sight: Sight) -> None:
        with section(_("As customers typed it")):
            for one in sight.said:
                with box("said"):
                    text(one.text, "said-words")
                    moment(one.at, "dim small")
            if not sight.said:
                text(_("The messages themselves are forgotten by now."), "dim")

    def _draw_guesses(self, sight: Sight) -> None:
        with section(_("What does the customer mean?")):
            with box("guesses"):
                for number, (intent, likely) in enumerate(sight.guesses, 1):
                    self._guess(number, intent, likely)
            others = {name: meaning(name) for name in intents.assignable()}
            self.picker = ui.select(others, label=_("Another meaning"), with_input=True, on_change=self._picked)
            self.picker.props("outlined dense options-dense").classes("field")

    def _guess(self, number: int, intent: str, likely: float) -> None:
        async def taken() -> None:
            await self._assign(intent)

        choice = attribute(button(meaning(intent), taken), data_guess=intent)
        with choice:
            text(f"{likely:.0%}", "dim small", "span")
            text(str(number), "key", "kbd")

    def _draw_answers(self, sight: Sight) -> None:
        with section(_("Or: which article answers it?")):
            for hit in sight.near:
                self._answer(hit)
            with box("actions"), link(f"/articles/new?entry={sight.entry.id}", "btn"):
                symbol("post_add")
                text(_("Write a new article"), tag="span")

    def _answer(self, hit: Hit) -> None:
        async def taken() -> None:
            await self._answered(hit.passage.key)

        with box("near"):
            with box("row-main"):
                text(hit.passage.heading or hit.passage.article.title, "strong")
                text(hit.passage.text, "row-words dim")
            button(_("This one"), taken)

    def _draw_decided(self, entry: ReviewEntry) -> None:
        with section(phrases.word(entry.state)):
            text(meaning(entry.intent) if entry.intent else entry.article or "", "strong")
            with box("actions"):
                button(_("Undo"), self._undo, "", "undo")

    async def _picked(self) -> None:
        if self.picker.value:
            await self._assign(str(self.picker.value))

    async def _assign(self, intent: str) -> None:
        def work(session: Session, staff: Staff) -> int:
            return len(review.assign(session, staff, self._id, intent, intents.assignable()))

        if await act("review_assign", work):
            words = _("Noted: {meaning}. The next training learns it.").format(meaning=meaning(intent))
            ui.notify(words, position="top")
            await self._decided()

    async def _answered(self, key: str) -> None:
        def work(session: Session, staff: Staff) -> None:
            entry = review.get(session, self._id)
            article = authored_articles.add_question(session, staff.id, key, entry.text)
            review.answer(session, staff, entry.id, article.slug)

        if await act("review_answer", work):
            ui.notify(_("The article is found by these words from now on."), position="top")
            await self._decided()

    async def _dismiss(self) -> None:
        if await act("review_dismiss", lambda session, staff: review.dismiss(session, staff, self._id).id):
            await self._decided()

    async def _undo(self) -> None:
        if await act("review_undo", lambda session, staff: review.undo(session, staff, self._id).id):
            await self._decided()

    @property
    def _id(self) -> int:
        assert self.sight is not None
        return self.sight.entry.id
