"""The messages of one conversation as bubbles that grow at the end and follow each message's delivery."""

from dataclasses import dataclass

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from console import phrases
from console.language import _
from console.pieces import attribute, box, empty, link, text
from crm.models.conversations import Author
from crm.models.messaging import OutboxState
from crm.threads import Line

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
TROUBLE = frozenset({OutboxState.FAILED, OutboxState.UNKNOWN, OutboxState.SKIPPED, OutboxState.EXPIRED})


@dataclass
class Delivery:
    """The place under a bubble that says how far the message got."""

    state: OutboxState
    place: ui.element


class Bubbles:
    """Draws into the element it was made in."""

    def __init__(self) -> None:
        self._place = attribute(box("thread"), role="log", aria_live="polite")
        self._deliveries: dict[int, Delivery] = {}
        self._last = 0
        self._day = ""

    def show(self, lines: list[Line]) -> None:
        """Adds what is new in `lines` (oldest first) and brings the delivery states up to date."""
        fresh = [line for line in lines if line.id > self._last]
        for line in lines:
            known = self._deliveries.get(line.id)
            if known is not None and line.delivery is not None and known.state is not line.delivery:
                self._deliver(line, known)
        with self._place:
            if not lines and not self._last:
                empty("chat_bubble_outline", _("No messages yet"), _("What the customer writes appears here at once."))
            for line in fresh:
                self._add(line)
        if fresh:
            _scroll_down(always=self._last == 0 or fresh[-1].author is Author.STAFF)
            self._last = fresh[-1].id

    def _add(self, line: Line) -> None:
        day = phrases.day(line.at)
        if day != self._day:
            self._day = day
            text(day, "thread-day")
        side = "in" if line.author is Author.CUSTOMER else "out"
        with attribute(box(f"message {side} {line.author.value}"), data_message=str(line.id)):
            if line.author is not Author.CUSTOMER:
                text(_author(line), "message-author")
            with box("bubble"):
                for photo in line.photos:
                    _photo(photo)
                if line.text:
                    text(line.text, "bubble-text")
            if line.buttons:
                with box("bubble-buttons"):
                    for title in line.buttons:
                        text(title, "ghost-button", "span")
            with box("message-foot"):
                attribute(text(phrases.when(line.at), tag="time"), title=phrases.full_time(line.at))
                if line.delivery is not None:
                    place = box("delivery", "span")
                    self._deliveries[line.id] = Delivery(line.delivery, place)
                    self._deliver(line, self._deliveries[line.id])

    def _deliver(self, line: Line, delivery: Delivery) -> None:
        assert line.delivery is not None
        delivery.state = line.delivery
        delivery.place.clear()
        delivery.place.classes(replace="delivery " + ("bad" if line.delivery in TROUBLE else ""))
        attribute(delivery.place, data_state=line.delivery.value)
        with delivery.place:
            ui.icon(ICONS[line.delivery])
            _delivery_words(line)


def _delivery_words(line: Line) -> TextElement:
    assert line.delivery is not None
    why = phrases.reason(line.reason) if line.delivery in TROUBLE else ""
    return text(phrases.word(line.delivery) + (f": {why}" if why else ""), tag="span")


def _author(line: Line) -> str:
    if line.author is Author.STAFF:
        return line.staff_name
    return _("Assistant") if line.author is Author.ASSISTANT else _("System")


def _photo(path: str) -> None:
    target = f"/attachments/{path}"
    with attribute(link(target, "photo"), target="_blank", rel="noopener"):
        attribute(box("", "img"), src=target, alt=_("Photo"))


def _scroll_down(*, always: bool) -> None:
    ui.run_javascript(SCROLL_DOWN.replace("ALWAYS", "true" if always else "false"))
