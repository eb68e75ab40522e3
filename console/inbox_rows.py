"""A line of the inbox: who, what was said last and by whom, the clock, who holds it."""

from collections.abc import Callable, Hashable
from datetime import timedelta

import htpy as h
from nicegui import ui

from console import phrases
from console.language import _
from console.painted import avatar, icon, once, paint, pill, repaint
from console.pieces import attribute, box
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
        self._rows: dict[int, tuple[ui.html, Hashable]] = {}

    def show(self, wanted: list[tuple[int, Hashable, str, Callable[[], h.Node]]]) -> None:
        """Shows (key, what it depends on, its classes, how it is drawn) in this order. See `painted.once`."""
        for key in set(self._rows) - {row[0] for row in wanted}:
            self._rows.pop(key)[0].delete()
        for place, (key, what, classes, draw) in enumerate(wanted):
            row, shown = self._rows.get(key) or (None, None)
            if row is None:
                with self.place:
                    row = attribute(paint(once(what, draw)), role="listitem", data_conversation=str(key))
            elif shown != what:
                repaint(row, once(what, draw))
            if shown != what:
                row.classes(replace=classes)
                self._rows[key] = (row, what)
            if self.place.default_slot.children[place] is not row:
                row.move(target_index=place)


def shown(line: Line, me: int, leads: bool = False) -> Hashable:
    """What the line reads like now, for one person."""
    return line, _time(line), leads, line.call is not None and line.call.holder_id == me


def draw(line: Line, me: int) -> h.Element:
    """The line, a link to its conversation."""
    words, tone, explained = _time(line)
    return h.a(".inbox-link", href=f"/conversations/{line.conversation_id}")[
        avatar(line.customer),
        h.div(".row-main")[_head(line), _words(line)],
        h.div(".row-end")[
            h.div(class_=f"inbox-time {tone}", title=explained)[words],
            h.div(".dim.small.clip")[_holder(line.call, me)],
        ],
    ]


def _head(line: Line) -> h.Element:
    return h.div(".row-head")[
        line.unread and h.span(".inbox-dot", role="img", aria_label=_("New"), title=_("New")),
        h.span(".strong")[line.customer or _("No name yet")],
        line.tier is not Tier.NONE and h.span(class_=f"tier {line.tier.value}")[phrases.word(line.tier)],
        line.call is not None and pill(phrases.word(line.call.reason), TONES.get(line.call.reason, "")),
        line.mentioned and pill(_("You were called"), "info"),
    ]


def _words(line: Line) -> h.Element:
    if line.last is not None:
        speaker = _speaker(line.last, line.customer)
        return h.div(".row-words")[h.span(".inbox-speaker")[f"{speaker}: "], h.span[_said(line.last)]]
    noted = line.call.note if line.call is not None else ""
    return h.div(".row-words")[h.span[noted or _("(no words yet)")]]


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


def draw_whole(line: Line, me: int, leads: bool) -> h.Node:
    """The line and what can be done to it."""
    return [draw(line, me), draw_doing(line, leads)]


def draw_doing(line: Line, leads: bool) -> h.Element:
    """What can be done to it at once. The buttons have no handlers of their own: one on the page hears them all."""
    call = line.call
    if call is None or call.closed_at is not None:
        return h.div(".inbox-doing")
    return h.div(".inbox-doing")[
        call.state is EscalationState.OPEN and _button("claim", call.id, "front_hand", _("Take it (c)")),
        leads and _button("assign", call.id, "person_add", _("Give it to a colleague (a)")),
    ]


def _button(what: str, call_id: int, symbol: str, words: str) -> h.Element:
    named = {"title": words, "aria-label": words, "data-do": what, "data-call": str(call_id)}
    return h.button(".icon-btn", named, type="button")[icon(symbol)]
