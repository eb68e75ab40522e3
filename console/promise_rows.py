"""One promise as a line, and what can be done about it, with a way back."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from sqlalchemy.orm import Session

from console import phrases
from console.desk import act
from console.language import _
from console.pieces import Canvas, attribute, box, button, link, moment, pill, symbol, text
from crm import clock, promises
from crm.models.people import Tier
from crm.models.service import PromiseState
from crm.models.staff import Staff
from crm.promise_list import Line

NEAR = timedelta(hours=1)
_SETTLED = (PromiseState.KEPT, PromiseState.WITHDRAWN)  # told with when; the others with when they were due


class Acts:
    """Keeps, withdraws and takes back; `undo` is where the way back stands, `news` draws the page anew."""

    def __init__(self, undo: Canvas, news: Callable[[], Awaitable[None]]) -> None:
        self._undo, self._news = undo, news

    async def keep(self, line: Line) -> None:
        """The promised answer was given."""

        def work(session: Session, staff: Staff) -> PromiseState:
            return promises.keep(session, line.id, staff).state

        done = await act("keep_promise", work)
        if done.value is PromiseState.KEPT:
            self._offer(line, _("The promise to {name} is kept.").format(name=_name(line)))
        elif done:
            self._offer(
                None, _("The time had passed: the promise to {name} counts as broken.").format(name=_name(line))
            )
        await self._news()

    async def withdraw(self, line: Line) -> None:
        """The answer is not needed any more."""

        def work(session: Session, staff: Staff) -> None:
            promises.withdraw(session, line.id, staff)

        if await act("withdraw_promise", work):
            self._offer(line, _("The promise to {name} is withdrawn.").format(name=_name(line)))
        await self._news()

    async def reopen(self, line: Line) -> None:
        """Takes back what was said of it by hand."""

        def work(session: Session, staff: Staff) -> None:
            promises.reopen(session, line.id, staff)

        if await act("reopen_promise", work):
            self._undo.show(None, lambda: None)
        await self._news()

    def _offer(self, line: Line | None, words: str) -> None:
        self._undo.show((line, words), lambda: self._draw_offer(line, words))

    def _draw_offer(self, line: Line | None, words: str) -> None:
        with attribute(box("promise-undo"), role="status"):
            text(words)
            if line is not None:
                button(_("Undo"), lambda: self.reopen(line), "quiet", "undo")


def shown(line: Line) -> object:
    """What the line reads like now."""
    return line, _left(line)


def draw(line: Line, acts: Acts) -> None:
    """The line: to whom, what, by when, and the buttons of an open one."""
    with attribute(box("entry promise-row"), data_promise=str(line.id)):
        with link(_target(line), "row-main"):
            _head(line)
            text(line.words, "row-words full")
        with box("row-end promise-time"):
            _time(line)
        with box("promise-acts"):
            if line.state is PromiseState.OPEN:
                button(_("Answered"), lambda: acts.keep(line), "", "check")
                _small("close", _("No longer needed"), lambda: acts.withdraw(line))
            elif line.by_hand and line.state is not PromiseState.BROKEN:
                _small("undo", _("Undo"), lambda: acts.reopen(line))


def _small(icon: str, words: str, pressed: Callable[[], Awaitable[None]]) -> None:
    element = attribute(box("icon-btn", "button"), type="button", title=words, aria_label=words)
    with element:
        symbol(icon)

    async def run() -> None:
        with element.client:  # the line may be gone before its work is done
            await pressed()

    element.on("click", run)


def _head(line: Line) -> None:
    with box("row-head"):
        text(_name(line), "strong", "span")
        if line.tier is not Tier.NONE:
            text(phrases.word(line.tier), f"tier {line.tier.value}", "span")
        if line.code:
            text(line.code, "dim small mono", "span")
        if line.postponed:
            pill(_("the customer was told a later time"), "warn")
        by = line.made_by or _("the assistant")
        text(_("promised by {who}").format(who=by), "dim small", "span")


def _time(line: Line) -> None:
    words, tone = _left(line)
    text(words, f"wait {tone}")
    settled = line.settled_at if line.state in _SETTLED else None
    moment(settled or line.due_at, "dim small")


def _left(line: Line) -> tuple[str, str]:
    """The time in words, and its tone."""
    if line.state is not PromiseState.OPEN:
        return phrases.word(line.state), "late" if line.state is PromiseState.BROKEN else ""
    left = line.due_at - clock.now()
    if left < timedelta(0):
        return _("{time} over").format(time=phrases.span(-left)), "late"
    return _("{time} left").format(time=phrases.span(left)), "soon" if left <= NEAR else ""


def _name(line: Line) -> str:
    return line.customer or _("No name yet")


def _target(line: Line) -> str:
    if line.complaint_id is not None:
        return f"/complaints/{line.complaint_id}"
    return f"/conversations/{line.conversation_id}" if line.conversation_id else f"/customers/{line.customer_id}"
