"""The clocks of a case as people read them: how long is left, what stands still, what ran out."""

from dataclasses import dataclass
from datetime import datetime

import htpy as h

from console import phrases
from console.language import _
from console.pieces import attribute, box, symbol, text
from crm.models.care import Complaint
from crm.service_levels import ClockView

NEARLY_OVER = 0.25  # share of a clock's time from which on it is shown as a warning


def tone(clock: ClockView) -> str:
    """The colour: bad when it ran out, warn when little is left, nothing while there is time or it stands still."""
    if clock.late or clock.met is False:
        return "bad"
    return "warn" if not clock.paused and clock.share_left <= NEARLY_OVER else ""


def words(clock: ClockView) -> str:
    """How long in working time: "2 h 10 min left", "30 minutes over", "paused, 2 h left"."""
    length = phrases.span(abs(clock.left))
    if clock.late:
        return _("{time} over").format(time=length)
    return (_("paused, {time} left") if clock.paused else _("{time} left")).format(time=length)


def shown(clocks: list[ClockView]) -> object:
    """What the clocks look like now, to the minute."""
    return [(clock.kind, clock.paused, clock.met, clock.left.total_seconds() // 60) for clock in clocks]


@dataclass(frozen=True)
class Nearest:
    """What a line in a list says of its nearest clock: in words, and the moment that they are about, if any."""

    words: str
    look: str
    at: datetime | None = None
    when: str = ""
    when_look: str = ""


def nearest(clocks: list[ClockView], complaint: Complaint) -> Nearest:
    """The clock that runs out first: how long, and until when."""
    running = [clock for clock in clocks if not clock.paused]
    if complaint.resolved_at is not None:
        return _until(_("answered"), "dim small", complaint.resolved_at, "dim")
    if running:
        first = min(running, key=lambda clock: clock.due_at)
        return _until(words(first), f"strong {tone(first)}", first.due_at, "dim small")
    if clocks:
        return Nearest(_("clocks paused"), "dim small")
    return _until(_("promised by"), "dim small", complaint.promised_at, "")


def _until(words: str, look: str, at: datetime, when_look: str) -> Nearest:
    return Nearest(words, look, at, phrases.when(at), when_look)


def draw(clock: Nearest) -> h.Node:
    """The clock under its words, as the end of a line."""
    said = h.div(class_=clock.look)[clock.words]
    if clock.at is None:
        return said
    return [said, h.time(class_=clock.when_look, title=phrases.full_time(clock.at))[clock.when]]


def strip(clocks: list[ClockView]) -> None:
    """The clocks of the case that run or rest, and whether those that ended had been kept."""
    with box("clocks"):
        for clock in clocks:
            if clock.stopped_at is None:
                icon = "pause_circle" if clock.paused else "schedule"
                _one(clock, icon, tone(clock), words(clock), _("until {time}").format(time=phrases.when(clock.due_at)))
            elif clock.met is not None:
                how = _("kept") if clock.met else _("not kept")
                _one(clock, "check_circle" if clock.met else "cancel", "good" if clock.met else "bad", how, "")


def _one(clock: ClockView, icon: str, look: str, state: str, until: str) -> None:
    with attribute(box(f"clock {look}"), title=phrases.full_time(clock.due_at)):
        symbol(icon)
        with box("clock-words"):
            text(phrases.word(clock.kind), "small")
            text(state, "strong")
            text(until, "small")
