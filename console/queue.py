"""The escalation queue: who waits for a person, longest first, live."""

from console import guard, inbox, phrases
from console.frame import frame
from console.inbox import Entry, Inbox
from console.language import _
from console.pieces import Canvas, attribute, avatar, box, empty, link, pill, text
from console.pulse import QUEUE, pulse
from console.visits import Visit
from crm import clock
from crm.models.conversations import EscalationReason
from crm.models.people import Tier

REDRAW_S = 20.0
LONG_WAIT_MIN = 10
TONES = {
    EscalationReason.ASKED: "info",
    EscalationReason.LOW_RATING: "warn",
    EscalationReason.TECHNICAL: "bad",
}


@guard.page("/queue")
async def page(visit: Visit) -> None:
    """Shows the queue and keeps it up to date."""
    now = await inbox.for_visitor(visit.visitor)
    assert now is not None
    with frame(visit, _("Queue"), now):
        queue = Canvas("stack")

    def draw(seen: Inbox) -> None:
        queue.show(shown(seen), lambda: _draw(seen, visit))

    async def news() -> None:
        draw(await inbox.shared())

    draw(now)
    pulse.subscribe(visit, QUEUE, news)
    visit.every(REDRAW_S, news)  # the waiting times go on counting


def shown(now: Inbox) -> object:
    """The entries with their waiting times as they read."""
    moment = clock.now()
    return [(entry, phrases.span(moment - entry.since)) for entry in now.entries]


def _draw(now: Inbox, visit: Visit) -> None:
    free = [entry for entry in now.entries if entry.holder_id is None]
    mine = [entry for entry in now.entries if entry.holder_id == visit.visitor.staff_id]
    others = [entry for entry in now.entries if entry.holder_id not in (None, visit.visitor.staff_id)]
    if not now.entries:
        empty(
            "done_all",
            _("Nobody is waiting"),
            _("New conversations appear here by themselves. You can leave this page open."),
        )
        return
    _group(_("Waiting"), free, _("Nobody waits. Well done."))
    _group(_("With me"), mine, "")
    _group(_("With colleagues"), others, "")


def _group(title: str, entries: list[Entry], when_empty: str) -> None:
    if not entries and not when_empty:
        return
    with box("group", "section"):
        with box("group-title", "h2"):
            text(title, tag="span")
            text(str(len(entries)), "count", "span")
        if not entries:
            text(when_empty, "dim group-empty")
            return
        with box("card rows"):
            for entry in entries:
                row(entry)


def row(entry: Entry) -> None:
    """One line of the queue, leading to the conversation."""
    waited = clock.now() - entry.since
    minutes = int(waited.total_seconds() // 60)
    with link(f"/conversations/{entry.conversation_id}", "entry queue-row") as line:
        attribute(line, data_conversation=str(entry.conversation_id))
        avatar(entry.customer)
        with box("row-main"):
            with box("row-head"):
                text(entry.customer or _("No name yet"), "strong", "span")
                if entry.tier is not Tier.NONE:
                    text(phrases.word(entry.tier), f"tier {entry.tier.value}", "span")
                pill(phrases.word(entry.reason), TONES.get(entry.reason, ""))
            text(entry.note or entry.last_words or _("(no words yet)"), "row-words")
        with box("row-end"):
            late = entry.holder_id is None and minutes >= LONG_WAIT_MIN
            text(phrases.span(waited), "wait late" if late else "wait")
            text(entry.holder if entry.holder else _("waiting"), "dim small")
