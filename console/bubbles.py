"""The messages and notes of one conversation as bubbles: older ones above on request, new ones at the end, live."""

import heapq
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import htpy as h
from nicegui import ui

from console import bubble_files, phrases
from console.language import _
from console.painted import icon, paint
from console.pieces import attribute, box, button, empty, symbol, text
from crm.models.conversations import Author
from crm.models.messaging import OutboxState
from crm.models.talk import Note
from crm.threads import PAGE, Line

ICONS = {
    OutboxState.QUEUED: "schedule",
    OutboxState.SENDING: "schedule",
    OutboxState.SENT: "done_all",
    OutboxState.FAILED: "error_outline",
    OutboxState.UNKNOWN: "help_outline",
    OutboxState.SKIPPED: "block",
    OutboxState.EXPIRED: "block",
}
# Whoever reads further up is left there; photos that arrive late do not push the end out of sight.
SCROLL_DOWN = """requestAnimationFrame(() => {
    const thread = document.querySelector('.thread');
    if (!thread) return;
    const down = () => { thread.scrollTop = thread.scrollHeight; };
    if (!ALWAYS && thread.scrollHeight - thread.scrollTop - thread.clientHeight > 480) return;
    down();
    for (const image of thread.querySelectorAll('img'))
        if (!image.complete) image.addEventListener('load', down, {once: true});
})"""
# What is read stays where it is while older messages are put above it: how much is below is known from the press on.
REMEMBER_PLACE = """() => {
    const thread = document.querySelector('.thread');
    thread.dataset.below = thread.scrollHeight - thread.scrollTop;
}"""
KEEP_PLACE = """requestAnimationFrame(() => requestAnimationFrame(() => {
    const thread = document.querySelector('.thread');
    if (thread) thread.scrollTop = thread.scrollHeight - thread.dataset.below;
}))"""
SHOW_HIT = "document.querySelector('.message.hit')?.scrollIntoView({block: 'center'})"
TROUBLE = frozenset({OutboxState.FAILED, OutboxState.UNKNOWN, OutboxState.SKIPPED, OutboxState.EXPIRED})
MOVING = frozenset({OutboxState.QUEUED, OutboxState.SENDING})
Older = Callable[[int, datetime], Awaitable[tuple[list[Line], list[Note]]]]
Again = Callable[[Line], Awaitable[None]]


@dataclass
class Delivery:
    """The place under a bubble that says how far the message got."""

    state: tuple[OutboxState, bool]
    place: ui.element


class Bubbles:
    """Draws into the element it was made in.

    Args:
        older: reads the messages before a number and the notes before a moment.
        again: asks whether a message that did not arrive is sent once more.
        hit: number of a message to show at first, marked; the thread then does not grow at its end.
    """

    def __init__(self, older: Older, again: Again, hit: int = 0) -> None:
        self._older, self._again, self.hit = older, again, hit
        self._thread = attribute(box("thread"), role="log", aria_live="polite", tabindex="0")
        with self._thread:
            self._more = box("thread-more hidden")
            self._first_page = box("thread-page")
        with self._more:
            older_ones = button(_("Older messages"), self._load_older, "quiet", "expand_less")
            older_ones.on("click", js_handler=REMEMBER_PLACE)
        self._deliveries: dict[int, Delivery] = {}
        self._ghosts: list[ui.element] = []
        self._top: tuple[int, datetime] | None = None
        self.last, self.last_note = 0, 0
        self._day = ""
        self._begun = False

    @property
    def watched(self) -> list[int]:
        """Messages whose delivery may still change."""
        return [number for number, known in self._deliveries.items() if known.state[0] is not OutboxState.SENT]

    def begin(self, lines: list[Line], notes: list[Note]) -> None:
        """The first page, oldest first."""
        self._begun = True
        with self._first_page:
            if not lines and not notes:
                empty("chat_bubble_outline", _("No messages yet"), _("What the customer writes appears here at once."))
        self._append(lines, notes)
        self._offer_more(lines)
        if self.hit:
            ui.run_javascript(SHOW_HIT)
        else:
            _scroll_down(always=True)

    def grow(self, lines: list[Line], notes: list[Note]) -> None:
        """What is new goes to the end, and the delivery states are brought up to date."""
        for line in lines:
            known = self._deliveries.get(line.id)
            if known is not None and line.delivery is not None and known.state != (line.delivery, line.again):
                self._deliver(line, known)
        fresh = [] if self.hit else [line for line in lines if line.id > self.last]
        noted = [] if self.hit else [note for note in notes if note.id > self.last_note]
        if fresh or noted:
            self.forget_ghosts()
            self._append(fresh, noted)
            _scroll_down(always=bool(fresh and fresh[-1].author is Author.STAFF))

    def leave_to_colleague(self, held: bool) -> None:
        """Whether somebody else looks after the conversation: then nothing of it is sent again from here."""
        self._thread.classes(**{"add" if held else "remove": "colleagues"})

    def ghost(self, words: str) -> None:
        """Shows at once what is being sent; it goes when the message itself is there."""
        with self._first_page, box("message out staff ghost") as bubble:
            with box("bubble"):
                text(words, "bubble-text")
            text(_("sending…"), "message-foot")
        self._ghosts.append(bubble)
        _scroll_down(always=True)

    def forget_ghosts(self) -> None:
        """Takes away what was shown before it was sent."""
        for ghost in self._ghosts:
            ghost.delete()
        self._ghosts.clear()

    def _append(self, lines: Sequence[Line], notes: Sequence[Note]) -> None:
        with self._first_page:
            self._day = self._draw(lines, notes, self._day)
        self.last = max([self.last, *(line.id for line in lines)])
        self.last_note = max([self.last_note, *(note.id for note in notes)])

    def _draw(self, lines: Sequence[Line], notes: Sequence[Note], day: str) -> str:
        """Messages in their order and notes by their time, with a line where a day begins; returns the last day."""
        both: Iterable[Line | Note] = heapq.merge(lines, notes, key=lambda one: one.at)
        for each in both:
            if phrases.day(each.at) != day:
                day = phrases.day(each.at)
                text(day, "thread-day")
            if isinstance(each, Note):
                _draw_note(each)
            else:
                self._draw_line(each)
        return day

    def _offer_more(self, lines: list[Line]) -> None:
        self._top = (lines[0].id, lines[0].at) if len(lines) >= PAGE else None
        if self._top is None:
            self._more.classes(add="hidden")
        else:
            self._more.classes(remove="hidden")

    async def _load_older(self) -> None:
        if self._top is None:
            return
        with self._thread:
            waiting = box("thread-page").move(self._thread, 1)
        with waiting:
            for side in ("in", "out", "in"):
                box(f"skeleton message {side}")
        lines, notes = await self._older(*self._top)
        waiting.delete()
        with self._thread:
            page = box("thread-page")
            with page:
                self._draw(lines, notes, "")
            page.move(self._thread, 1)
        self._offer_more(lines)
        ui.run_javascript(KEEP_PLACE)

    def _draw_line(self, line: Line) -> None:
        """What has arrived stays as it is, and is painted; what is on its way has a place of its own that changes."""
        side = "in" if line.author is Author.CUSTOMER else "out"
        marked = " hit" if line.id == self.hit else ""
        classes = f"message {side} {line.author.value}{marked}"
        arrived = line.delivery is None or (line.delivery is OutboxState.SENT and not line.again)
        if arrived:
            attribute(paint([_body(line), _foot(line)], classes), data_message=str(line.id))
            return
        with attribute(box(classes), data_message=str(line.id)):
            paint(_body(line), "message-body")
            with box("message-foot"):
                paint(_time(line.at), tag="span")
                known = Delivery((OutboxState.QUEUED, False), box("delivery", "span"))
                self._deliveries[line.id] = known
                self._deliver(line, known)

    def _deliver(self, line: Line, known: Delivery) -> None:
        assert line.delivery is not None
        known.state = (line.delivery, line.again)
        known.place.clear()
        known.place.classes(replace="delivery " + ("bad" if line.delivery in TROUBLE else ""))
        attribute(known.place, data_state=line.delivery.value)
        with known.place:
            symbol(ICONS[line.delivery])
            text(_delivery_words(line, line.delivery), tag="span")
            if line.again:
                text(_("· sent once more below"), tag="span")
            elif line.repeatable:
                button(_("Send again"), lambda: self._again(line), "quiet again", "replay")


def _body(line: Line) -> h.Node:
    """Who says it, the words with their files, and the buttons that stood below."""
    return [
        line.author is not Author.CUSTOMER and h.div(".message-author")[_author(line)],
        h.div(".bubble")[bubble_files.draw(line), bool(line.words) and h.div(".bubble-text")[line.words]],
        bool(line.buttons) and h.div(".bubble-buttons")[(h.span(".ghost-button")[title] for title in line.buttons)],
    ]


def _foot(line: Line) -> h.Element:
    state = line.delivery
    return h.div(".message-foot")[
        _time(line.at),
        state is not None
        and h.span(".delivery", data_state=state.value)[icon(ICONS[state]), h.span[_delivery_words(line, state)]],
    ]


def _draw_note(note: Note) -> None:
    attribute(paint(_note(note), "message note"), data_note=str(note.id))


def _note(note: Note) -> h.Node:
    return [
        h.div(".message-author")[icon("lock"), h.span[_("{name}, internal note").format(name=note.staff.name)]],
        h.div(".bubble")[h.div(".bubble-text")[note.text]],
        h.div(".message-foot")[_time(note.at)],
    ]


def _time(at: datetime) -> h.Element:
    return h.time(title=phrases.full_time(at))[phrases.when(at)]


def _delivery_words(line: Line, state: OutboxState) -> str:
    why = phrases.reason(line.reason) if state in TROUBLE else ""
    return phrases.word(state) + (f": {why}" if why else "")


def _author(line: Line) -> str:
    if line.author is Author.STAFF:
        return line.staff_name
    return _("Assistant") if line.author is Author.ASSISTANT else _("System")


def _scroll_down(*, always: bool) -> None:
    ui.run_javascript(SCROLL_DOWN.replace("ALWAYS", "true" if always else "false"))
