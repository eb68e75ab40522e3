"""The audit log: who did what, when; filtered, page by page, and as a table to take away."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from fastapi import APIRouter, Request
from nicegui import ui
from sqlalchemy.orm import Session
from starlette.responses import Response, StreamingResponse

from console import access, audit_words, desk, guard, inbox, notices, phrases, tickets
from console.desk import act
from console.frame import frame
from console.language import _
from console.pieces import attribute, box, button, empty, link, moment, pill, text
from console.staff_page import sections
from console.visits import Visit, visitor_of
from crm import audit, cells, staff_admin
from crm.audit import PAGE, Filter, Line
from crm.db import database
from crm.models.staff import Staff
from crm.settings import settings

router = APIRouter()
_FILE = "/audit.csv"
_PURPOSE = "audit log"
CHUNK = 1000
MOST = 100_000  # lines in one file; whoever needs more takes it by months


@dataclass(frozen=True)
class Seen:
    """What the page shows, and what its filters offer."""

    lines: list[Line]
    people: list[Staff]
    actions: list[str]


@guard.page("/audit")
async def page(
    visit: Visit,
    person: str = "",
    action: str = "",
    subject: str = "",
    number: str = "",
    since: str = "",
    until: str = "",
    before: str = "",
) -> None:
    """One page of the log, newest first; the filters stand in the address."""
    words = {"person": person, "action": action, "subject": subject, "number": number, "since": since, "until": until}
    chosen = {name: value for name, value in words.items() if value}
    seen = await desk.look(lambda session: _read(session, _wanted(chosen), before))
    with frame(visit, _("People"), await inbox.for_visitor(visit.visitor)):
        with box("tools"):
            sections("log")
            button(_("Take away as a table"), lambda: _export(chosen), "", "download")
        _filters(seen, chosen)
        _draw(seen.lines, bool(chosen))
        with box("actions"):
            if before:
                _turn(_("From the beginning"), chosen)
            if len(seen.lines) == PAGE:
                _turn(_("Older"), {**chosen, "before": seen.lines[-1].key})


@router.get(_FILE)
def table(request: Request, ticket: str = "") -> Response:
    """The filtered log as CSV, read page by page while it is sent. Needs the ticket of an audited export."""
    visitor = visitor_of(request)
    chosen = {name: value for name, value in request.query_params.items() if name != "ticket"}
    good = visitor is not None and tickets.is_good(ticket, _PURPOSE, visitor.staff_id)
    if visitor is None or visitor.role not in access.FILES[_FILE] or not good:
        return notices.denied()
    head = [_("Time"), _("Person"), _("Action"), _("Subject"), _("Number"), _("Details")]
    headers = {"Content-Disposition": 'attachment; filename="tri-an-audit.csv"', "Cache-Control": "no-store"}
    pieces = _pieces(head, _wanted(chosen))
    return StreamingResponse(pieces, media_type="text/csv; charset=utf-8", headers=headers)


async def _export(chosen: dict[str, str]) -> None:
    def work(session: Session, staff: Staff) -> str:
        audit.record(session, staff, "audit_export", "audit", 0, filters=chosen)
        return tickets.give(_PURPOSE, staff.id)

    outcome = await act("export_audit", work)
    if outcome and outcome.value:
        ui.navigate.to(f"{_FILE}?{notices.query(**chosen, ticket=outcome.value)}")


def _pieces(head: list[str], wanted: Filter) -> Iterator[bytes]:
    yield (cells.BYTE_ORDER_MARK + cells.lines([head])).encode()
    before = ""
    for _page in range(MOST // CHUNK):
        with database(settings().database_url).read() as session:
            lines = audit.page(session, wanted, before, CHUNK)
        yield cells.lines([_cells(line) for line in lines]).encode()
        if len(lines) < CHUNK:
            return
        before = lines[-1].key


def _cells(line: Line) -> list[str]:
    entry = line.entry
    who = line.name or audit_words.nobody()
    details = audit_words.details(entry.detail)
    return [phrases.full_time(entry.at), who, entry.action, entry.subject, str(entry.subject_id), details]


def _read(session: Session, wanted: Filter, before: str) -> Seen:
    return Seen(audit.page(session, wanted, before), staff_admin.listing(session), audit.actions(session))


def _wanted(chosen: dict[str, str]) -> Filter:
    """What cannot be read is no filter."""
    return Filter(
        staff_id=_number(chosen.get("person", "")),
        action=chosen.get("action") or None,
        subject=chosen.get("subject") or None,
        subject_id=_number(chosen.get("number", "")),
        since=_day(chosen.get("since", "")),
        until=_day(chosen.get("until", "")),
    )


def _number(words: str) -> int | None:
    return int(words) if words.isascii() and words.isdigit() and len(words) < 10 else None


def _day(words: str) -> date | None:
    try:
        return date.fromisoformat(words)
    except ValueError:
        return None


def _filters(seen: Seen, chosen: dict[str, str]) -> None:
    people = [("", _("Everybody")), *((str(each.id), each.name) for each in seen.people)]
    actions = sorted(((each, audit_words.action(each)) for each in seen.actions), key=lambda pair: pair[1])
    with attribute(box("card filters", "form"), method="get", action="/audit"):
        _select("person", _("Person"), people, chosen)
        _select("action", _("Action"), [("", _("Every action")), *actions], chosen)
        for name, words in (("since", _("From")), ("until", _("To"))):
            with _labelled(words):
                attribute(box("", "input"), type="date", name=name, value=chosen.get(name, ""))
        for name in ("subject", "number"):
            if name in chosen:
                attribute(box("", "input"), type="hidden", name=name, value=chosen[name])
        with attribute(box("btn primary", "button"), type="submit"):
            text(_("Show"), tag="span")
        if chosen:
            with link("/audit", "btn"):
                text(_("Show everything"), tag="span")


def _select(name: str, words: str, choices: list[tuple[str, str]], chosen: dict[str, str]) -> None:
    with _labelled(words), attribute(box("", "select"), name=name):
        for value, label in choices:
            option = attribute(text(label, "", "option"), value=value)
            if value == chosen.get(name, ""):
                attribute(option, selected="selected")


def _labelled(words: str) -> Any:
    label = box("filter", "label")
    with label:
        text(words, tag="span")
    return label


def _draw(lines: list[Line], filtered: bool) -> None:
    if not lines:
        hint = _("Nothing of this kind was done. Choose fewer filters.") if filtered else ""
        empty("history", _("No lines"), hint)
        return
    with box("stack"), box("card rows"):
        for line in lines:
            _row(line)


def _row(line: Line) -> None:
    entry = line.entry
    target = audit_words.target(entry.subject, entry.subject_id)
    with attribute(link(target, "entry") if target else box("entry"), data_action=entry.action):
        with box("row-main"):
            with box("row-head"):
                text(line.name or audit_words.nobody(), "strong" if line.name else "dim", "span")
                text(audit_words.action(entry.action), tag="span")
                pill(audit_words.subject(entry.subject, entry.subject_id))
            if entry.detail:
                text(audit_words.details(entry.detail), "row-words")
        with box("row-end"):
            moment(entry.at)


def _turn(words: str, query: dict[str, str]) -> None:
    with link(f"/audit?{notices.query(**query)}" if query else "/audit", "btn"):
        text(words, tag="span")
