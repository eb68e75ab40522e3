"""Writing to the customer about their complaint: the answer or a question, seen as they will read it before it goes."""

import asyncio
from collections.abc import Awaitable, Callable
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
                self._kinds = attribute(box("choice"), role="group", aria_label=_("What it is"))
            with box("writing"):
                with box("stack"):
                    self.words = ui.textarea(on_change=self._preview)
                    self.words.props("autogrow outlined maxlength=3000").classes("field answer")
                    self._hint = text("", "hint")
                    with box("actions"):
                        self._send = box("")
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
        asks = self.news is News.QUESTION
        self._kinds.clear()
        with self._kinds:
            for news, words in ((News.RESOLVED, _("Answer and resolve")), (News.QUESTION, _("Ask the customer"))):
                self._kind(news, words)
        self.words.props["placeholder"] = (
            _("What do we need to know from the customer?")
            if asks
            else _("What was found, what we do about it, and when")
        )
        self.words.update()
        self._hint.text = (
            _("The clocks stand still until the customer answers in the chat.")
            if asks
            else _(
                "The customer can refuse the answer with one press, and is asked a little later how satisfied they are."
            )
        )
        self._send.clear()
        with self._send:
            button(_("Send the question") if asks else _("Send the answer and resolve"), self._go, "primary", "send")

    def _kind(self, news: News, words: str) -> None:
        async def pressed() -> None:
            self.news = news
            self._draw()
            await self._preview()

        on = self.news is news
        attribute(button(words, pressed, "on" if on else ""), aria_pressed=str(on).lower())

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

    async def _go(self) -> None:
        said, news = str(self.words.value or ""), self.news

        def work(session: Session, staff: Staff) -> None:
            complaints.move(session, complaints.get(session, self.complaint_id), TO[news], staff, said)

        if await act(self.visit, "resolve_complaint", work):
            self.words.value = ""
            sent = _("The question is on its way to the customer.")
            if news is News.RESOLVED:
                sent = _("The answer is on its way to the customer.")
            say(self.visit, sent)
        await self._changed()
