"""The clocks of a case as people read them: how long is left, what stands still, what ran out."""

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


def nearest(clocks: list[ClockView], complaint: Complaint) -> h.Node:
    """The nearest clock of a line in a list: how long, and until when."""
    running = [clock for clock in clocks if not clock.paused]
    if complaint.resolved_at is not None:
        return [h.div(".dim.small")[_("answered")], _time(complaint.resolved_at, "dim")]
    if running:
        first = min(running, key=lambda clock: clock.due_at)
        return [h.div(class_=f"strong {tone(first)}")[words(first)], _time(first.due_at, "dim small")]
    if clocks:
        return h.div(".dim.small")[_("clocks paused")]
    return [h.div(".dim.small")[_("promised by")], _time(complaint.promised_at, "")]


def _time(at: datetime, classes: str) -> h.Element:
    return h.time(class_=classes, title=phrases.full_time(at))[phrases.when(at)]


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
