"""The first page: the few numbers that say whether anything needs somebody now."""

from collections.abc import Iterator
from contextlib import contextmanager

from console import complaints, desk, guard, inbox, inbox_rows, phrases
from console.access import PAGES
from console.card import stars
from console.frame import frame
from console.inbox import Inbox
from console.language import _, plural
from console.painted import paint
from console.pieces import Canvas, box, link, text
from console.pulse import COMPLAINTS, QUEUE, pulse
from console.visits import Visit
from crm import clock, figures
from crm.figures import Figures
from crm.models.care import Complaint

REDRAW_S = 30.0


@guard.page("/")
async def page(visit: Visit) -> None:
    """Shows the figures and keeps them up to date."""
    waiting = await inbox.for_visitor(visit.visitor)
    now = await desk.look(figures.now)
    with frame(visit, _("Today"), waiting):
        text(_("Hello {name}.").format(name=visit.visitor.name), "hello")
        place = Canvas("tiles")
        panels = Canvas("panels")

    async def news() -> None:
        draw(await desk.look(figures.now))
        if waiting is not None:
            await draw_panels()

    def draw(seen: Figures) -> None:
        longest = phrases.span(clock.now() - seen.oldest) if seen.oldest else ""
        place.show((seen, longest), lambda: _draw(seen, visit, longest))

    me = visit.visitor.staff_id

    async def draw_panels() -> None:
        queue, promised = await inbox.shared(), await desk.look(complaints.next_due)
        lines = [inbox_rows.shown(line, me) for line in queue.first]
        key = (lines, [complaints.shown(complaint) for complaint in promised])
        panels.show(key, lambda: _panels(queue, promised, me))

    draw(now)
    if waiting is not None:
        await draw_panels()
        pulse.subscribe(visit, QUEUE, news)
        pulse.subscribe(visit, COMPLAINTS, news)
    visit.every(REDRAW_S, news)


def _draw(now: Figures, visit: Visit, longest: str) -> None:
    _tile(
        visit,
        "/inbox",
        _("Waiting for a person"),
        str(now.waiting),
        _("longest: {time}").format(time=longest) if longest else _("Nobody waits"),
        "warn" if now.waiting else "good",
    )
    late = plural("{n} is overdue", "{n} are overdue", now.overdue) if now.overdue else _("No promise is overdue")
    _tile(visit, "/complaints", _("Open complaints"), str(now.open_complaints), late, "bad" if now.overdue else "good")
    _tile(visit, "", _("Greetings today"), str(now.greetings_today), _("birthdays and holidays"), "")
    _satisfaction(now)


def _panels(queue: Inbox, promised: list[Complaint], me: int) -> None:
    with _panel(_("Waiting for somebody"), "/inbox?queue=unassigned"):
        for line in queue.first:
            paint(inbox_rows.draw(line, me), "inbox-row")
        if not queue.first:
            text(_("Nobody waits. Well done."), "dim panel-empty")
    with _panel(_("Next promises"), "/complaints"):
        paint([complaints.row(complaint) for complaint in promised], "rows")
        if not promised:
            text(_("No promise is open."), "dim panel-empty")


@contextmanager
def _panel(title: str, target: str) -> Iterator[None]:
    with box("card rows", "section"):
        with box("panel-head"):
            text(title, tag="h2")
            with link(target, "more"):
                text(_("Show all"), tag="span")
        yield


def _tile(visit: Visit, target: str, title: str, number: str, note: str, tone: str) -> None:
    linked = target and visit.visitor.role in PAGES[target]
    with link(target, "tile card") if linked else box("tile card"):
        text(title, "tile-title")
        text(number, "tile-number")
        text(note, f"tile-note {tone}")


def _satisfaction(now: Figures) -> None:
    with box("tile card"):
        text(_("Satisfaction, last 7 days"), "tile-title")
        with box("satisfaction"):
            with box(""):
                average = phrases.decimal(now.average) if now.average is not None else "–"
                text(average, "tile-number")
                if now.average is not None:
                    stars(round(now.average))
                text(plural("{n} rating", "{n} ratings", now.rated) if now.rated else _("No ratings yet"), "tile-note")
            with box("bars"):
                for score in range(5, 0, -1):
                    _bar(score, now.scores.get(score, 0), now.rated)


def _bar(score: int, count: int, total: int) -> None:
    with box("bar-row"):
        text(str(score), "dim small")
        with box("bar"):
            box(f"bar-fill s{score}").style(f"width: {100 * count / total if total else 0:.0f}%")
        text(str(count), "dim small")
