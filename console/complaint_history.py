"""The history of a complaint as a line of time: every change, who made it, and why."""

from collections.abc import Callable

from console import phrases
from console.language import _
from console.pieces import box, moment, section, text
from crm.case_sight import CaseSight
from crm.case_states import is_reopening
from crm.models.care import Cause, ComplaintCategory, ComplaintEvent, EventKind, Severity
from crm.models.cases import CompensationKind, StepState


def draw(sight: CaseSight) -> None:
    """The newest line first: what happened last is what matters now."""
    with section(_("History")):
        for event in reversed(sight.complaint.events):
            _line(sight, event)


def _line(sight: CaseSight, event: ComplaintEvent) -> None:
    with box(f"event {event.kind.value}"):
        box("event-dot")
        with box("event-main"):
            with box("row-head"):
                text(_words(sight, event), "strong", "span")
                text(_who(sight, event), "dim", "span")
                moment(event.at)
            if event.note:
                text(event.note, "row-words full")


def _who(sight: CaseSight, event: ComplaintEvent) -> str:
    """A person of the staff; else the customer reported, wrote or reopened it, and the clock closed it."""
    if event.staff_id is not None:
        return sight.names.get(event.staff_id, "")
    return _("By itself") if event.to_state.value == "closed" else _("Customer")


def _words(sight: CaseSight, event: ComplaintEvent) -> str:
    known: dict[EventKind, Callable[[CaseSight, ComplaintEvent], str]] = {
        EventKind.STATE: _state,
        EventKind.ASSIGNED: _assigned,
        EventKind.FACTS: _facts,
        EventKind.SEVERITY: _severity,
        EventKind.STEP: _step,
        EventKind.PARTNER: _step,
        EventKind.COMPENSATION: _compensation,
        EventKind.MERGED: _merged,
        EventKind.SPLIT: _split,
    }
    return known[event.kind](sight, event)


def _state(_sight: CaseSight, event: ComplaintEvent) -> str:
    if event.from_state is None:
        return _("Reported")
    return _("Reopened") if is_reopening(event.from_state, event.to_state) else phrases.word(event.to_state)


def _assigned(sight: CaseSight, event: ComplaintEvent) -> str:
    owner = event.detail.get("owner")
    known = {person.id: person.name for person in sight.owners} | sight.names
    return _("Given to {name}").format(name=known.get(owner, "?")) if owner else _("Given back: nobody looks after it")


def _severity(_sight: CaseSight, event: ComplaintEvent) -> str:
    was, now = (phrases.word(Severity(event.detail[name])) for name in ("was", "now"))
    return _("Severity: {was} → {now}").format(was=was, now=now)


def _facts(sight: CaseSight, event: ComplaintEvent) -> str:
    return " · ".join(_fact(sight, name, *pair) for name, pair in event.detail.get("changed", {}).items())


def _fact(sight: CaseSight, name: str, _was: object, now: object) -> str:
    if name == "category":
        return _("Category: {now}").format(now=phrases.word(ComplaintCategory(str(now))))
    if name == "cause":
        return _("Cause: {now}").format(now=phrases.word(Cause(str(now))) if now else _("Not found yet"))
    if name == "purchase_id":
        code = next((order.order_code for order in sight.orders if order.id == now), "")
        return _("Order: {now}").format(now=code or _("No order"))
    return _("Linked to another conversation")


def _step(_sight: CaseSight, event: ComplaintEvent) -> str:
    by_partner, to = event.kind is EventKind.PARTNER, StepState(event.detail["to"])
    if to is StepState.OPEN:
        return _("Partner asked") if by_partner else _("Step planned")
    if to is StepState.DONE:
        return _("Partner answered") if by_partner else _("Step done")
    return _("Step dropped")


def _compensation(_sight: CaseSight, event: ComplaintEvent) -> str:
    kind, amount = phrases.word(CompensationKind(event.detail["kind_of"])), phrases.money(event.detail["amount"])
    words = (
        _("Compensation taken back: {kind}, {amount}")
        if event.detail["withdrawn"]
        else _("Compensation: {kind}, {amount}")
    )
    return words.format(kind=kind, amount=amount)


def _merged(_sight: CaseSight, event: ComplaintEvent) -> str:
    if "into" in event.detail:
        return _("Joined to another case")
    if "merged" in event.detail:
        return _("Another case was joined to this one")
    return _("Taken apart again")


def _split(_sight: CaseSight, event: ComplaintEvent) -> str:
    return _("Made of a matter told in") if "split_from" in event.detail else _("A second matter became a case")
