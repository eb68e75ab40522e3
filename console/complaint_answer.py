"""Writing to the customer about their complaint: the answer or a question, seen as they will read it before it goes."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from nicegui import background_tasks, events, ui
from sqlalchemy.orm import Session

from console import desk
from console.complaint_part import act, say
from console.language import _
from console.pieces import attribute, box, button, text
from console.visits import Visit
from crm import case_news, complaints
from crm.case_news import News
from crm.case_sight import CaseSight
from crm.models.care import ComplaintState
from crm.models.staff import Staff

TO = {News.RESOLVED: ComplaintState.RESOLVED, News.QUESTION: ComplaintState.WAITING}


class Answer:
    """Answer or question, the words, and the preview. What is being written is never drawn again."""

    def __init__(self, visit: Visit, complaint_id: int, changed: Callable[[], Awaitable[None]]) -> None:
        self.visit, self.complaint_id, self._changed = visit, complaint_id, changed
        self.news = News.RESOLVED
        self._looked = 0
        self._shown: object = None

    def build(self) -> None:
        with box("card pad") as self.card:
            with box("head-line"):
                text(_("Write to the customer"), "section-title", "h3")
                with attribute(box("choice"), role="group", aria_label=_("What it is")):
                    words = {News.RESOLVED: _("Answer and resolve"), News.QUESTION: _("Ask the customer")}
                    self._kinds = {news: button(words[news], partial(self._choose, news)) for news in TO}
            with box("writing"):
                with box("stack"):
                    self.words = ui.textarea(on_change=self._preview)
                    self.words.props("autogrow outlined maxlength=3000").classes("field answer")
                    attribute(self.words, placeholder=_("Write to the customer…"))
                    self._hint = text("", "hint")
                    with box("actions"):
                        sends = {News.RESOLVED: _("Send the answer and resolve"), News.QUESTION: _("Send the question")}
                        self._sends = {
                            news: button(sends[news], partial(self._go, news), "primary", "send") for news in TO
                        }
                with attribute(box("phone case-preview"), aria_live="polite"):
                    text(_("What the customer reads"), "small dim")
                    self._sight = text("", "bubble bubble-text")
        self._draw()

    def show(self, sight: CaseSight) -> None:
        """Shows what is allowed now; nothing where nothing is."""
        possible = [news for news, to in TO.items() if to in sight.moves]
        self.card.set_visibility(bool(possible))
        if possible and self.news not in possible:
            self.news = possible[0]
            self._draw()
        key = (possible, [each.id for each in sight.merged])
        if key != self._shown:
            self._shown = key
            background_tasks.create(self._preview(), name="preview")

    def _draw(self) -> None:
        """Shows what is chosen. No button is drawn again: a press on its way would be lost with it."""
        for news in TO:
            on = news is self.news
            kind = attribute(self._kinds[news], aria_pressed=str(on).lower())
            kind.classes(add="on" if on else "", remove="" if on else "on")
            self._sends[news].set_visibility(on)
        self._hint.text = (
            _("What do we need to know from the customer? The clocks stand still until they answer in the chat.")
            if self.news is News.QUESTION
            else _(
                "What was found, what we do about it, and when. The customer can refuse the answer with one press, and "
                "is asked a little later how satisfied they are."
            )
        )

    async def _choose(self, news: News) -> None:
        self.news = news
        self._draw()
        await self._preview()

    async def _preview(self, _event: events.ValueChangeEventArguments[Any] | None = None) -> None:
        """The customer's view a moment after the last key; only the newest look is shown."""
        self._looked += 1
        looked, news, said = self._looked, self.news, str(self.words.value or "").strip()
        await asyncio.sleep(0.2)
        if looked != self._looked:
            return

        def look(session: Session) -> str:
            return case_news.words(session, complaints.get(session, self.complaint_id), news, said or "…")

        seen = await desk.look(look)
        if looked == self._looked and not self._sight.is_deleted:
            self._sight.text = seen

    async def _go(self, news: News) -> None:
        said = str(self.words.value or "")

        def work(session: Session, staff: Staff) -> None:
            complaints.move(session, complaints.get(session, self.complaint_id), TO[news], staff, said)

        if await act(self.visit, "resolve_complaint", work):
            self.words.value = ""
            sent = _("The question is on its way to the customer.")
            if news is News.RESOLVED:
                sent = _("The answer is on its way to the customer.")
            say(self.visit, sent)
        await self._changed()
