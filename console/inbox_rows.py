"""A line of the inbox: who, what was said last and by whom, the clock, who holds it."""

from collections.abc import Callable
from datetime import timedelta

from nicegui import ui

from console import phrases
from console.language import _
from console.pieces import attribute, avatar, box, link, pill, text
from crm import clock
from crm.inbox_lines import Call, LastWord, Line
from crm.models.conversations import Author, EscalationReason, EscalationState
from crm.models.people import Tier
from crm.text import given_name

NEAR = 0.25  # the share of a clock from which on it is said to be near
TONES = {
    EscalationReason.ASKED: "info",
    EscalationReason.LOW_RATING: "warn",
    EscalationReason.TECHNICAL: "bad",
}


class Rows:
    """A list that changes line by line: what stays the same is not drawn again, and keeps the focus."""

    def __init__(self) -> None:
        self.place = attribute(box("card rows inbox-rows"), role="list")
        self._rows: dict[int, tuple[ui.element, object]] = {}

    def show(self, wanted: list[tuple[int, object, Callable[[ui.element], None]]]) -> None:
        """Shows (key, what it depends on, how it is drawn) in this order."""
        for key in set(self._rows) - {key for key, _what, _draw in wanted}:
            self._rows.pop(key)[0].delete()
        for place, (key, what, draw) in enumerate(wanted):
            row, shown = self._rows.get(key) or (None, None)
            if row is None:
                with self.place:
                    row = attribute(box("inbox-row"), role="listitem", data_conversation=str(key))
            if shown != what:
                row.clear()
                with row:
                    draw(row)
                self._rows[key] = (row, what)
            if self.place.default_slot.children[place] is not row:
                row.move(target_index=place)


def shown(line: Line, me: int, leads: bool = False) -> object:
    """What the line reads like now, for one person."""
    return line, _time(line), leads, line.call is not None and line.call.holder_id == me


def draw(line: Line, me: int) -> None:
    """The line, a link to its conversation."""
    words, tone, explained = _time(line)
    with link(f"/conversations/{line.conversation_id}", "inbox-link"):
        avatar(line.customer)
        with box("row-main"):
            _head(line)
            _words(line)
        with box("row-end"):
            attribute(text(words, f"inbox-time {tone}"), title=explained)
            text(_holder(line.call, me), "dim small clip")


def _head(line: Line) -> None:
    with box("row-head"):
        if line.unread:
            attribute(box("inbox-dot", "span"), role="img", aria_label=_("New"), title=_("New"))
        text(line.customer or _("No name yet"), "strong", "span")
        if line.tier is not Tier.NONE:
            text(phrases.word(line.tier), f"tier {line.tier.value}", "span")
        if line.call is not None:
            pill(phrases.word(line.call.reason), TONES.get(line.call.reason, ""))
        if line.mentioned:
            pill(_("You were called"), "info")


def _words(line: Line) -> None:
    with box("row-words"):
        if line.last is not None:
            text(f"{_speaker(line.last, line.customer)}: ", "inbox-speaker", "span")
            text(_said(line.last), tag="span")
        elif line.call is not None and line.call.note:
            text(line.call.note, tag="span")
        else:
            text(_("(no words yet)"), tag="span")


def _speaker(last: LastWord, customer: str) -> str:
    name = {Author.CUSTOMER: customer, Author.STAFF: last.staff_name}.get(last.author, "")
    return given_name(name) or phrases.word(last.author)


def _said(last: LastWord) -> str:
    kinds = {"photo": _("(a photo)"), "voice": _("(a voice message)"), "document": _("(a file)")}
    return last.text or kinds.get(last.attachment, _("(no words yet)"))


def _time(line: Line) -> tuple[str, str, str]:
    """The clock in words, its tone, and what it means."""
    call = line.call
    if call is None:
        return (phrases.when(line.last.at) if line.last else "", "", "")
    if call.closed_at is not None:
        return _("settled {time}").format(time=phrases.when(call.closed_at)), "", phrases.full_time(call.closed_at)
    if call.clock is not None:
        due = _("to be answered by {time}").format(time=phrases.when(call.clock.due_at))
        if call.clock.late:
            return _("{time} over").format(time=phrases.span(-call.clock.left)), "late", due
        tone = "near" if call.clock.share_left < NEAR else "fine"
        return _("{time} left").format(time=phrases.span(call.clock.left)), tone, due
    if call.waiting_since is None:
        return _("answered"), "", _("It is the customer's turn.")
    return phrases.span(max(timedelta(), clock.now() - call.waiting_since)), "fine", _("waiting so long")


def _holder(call: Call | None, me: int) -> str:
    if call is None:
        return _("with the assistant")
    if call.state is EscalationState.OPEN:
        return _("nobody has it yet")
    if call.holder_id == me:
        return _("you have it")
    return call.holder


def draw_doing(line: Line, leads: bool) -> None:
    """What can be done to it at once. The buttons have no handlers of their own: one on the page hears them all."""
    call = line.call
    with box("inbox-doing"):
        if call is None or call.closed_at is not None:
            return
        if call.state is EscalationState.OPEN:
            _button("claim", call.id, "front_hand", _("Take it (c)"))
        if leads:
            _button("assign", call.id, "person_add", _("Give it to a colleague (a)"))


def _button(what: str, call_id: int, icon: str, words: str) -> None:
    button = attribute(box("icon-btn", "button"), type="button", title=words, aria_label=words)
    attribute(button, data_do=what, data_call=str(call_id))
    with button:
        ui.icon(icon)
