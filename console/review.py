"""What the assistant did not understand: one decision a row, by the mouse or by one key."""

from dataclasses import dataclass

from nicegui import events, ui
from sqlalchemy.orm import Session

from console import desk, guard, inbox, phrases
from console.frame import frame
from console.language import _
from console.learning import learning_tabs
from console.pieces import Canvas, attribute, box, empty, moment, pill, tabs, text
from console.review_entry import Decisions
from console.visits import Visit
from crm import review
from crm.models.review import ReviewEntry, ReviewReason, ReviewSighting, ReviewState

MOST = 100
TONES = {ReviewReason.NOT_HELPFUL: "warn", ReviewReason.UNANSWERED: "warn", ReviewReason.UNCERTAIN: "info"}


@dataclass(frozen=True)
class Queue:
    """The entries of one state, with the newest message behind each."""

    entries: list[ReviewEntry]
    newest: dict[int, ReviewSighting]
    counts: dict[ReviewState, int]


def _read(session: Session, state: ReviewState) -> Queue:
    entries = review.listing(session, state, limit=MOST)
    return Queue(entries, review.newest(session, entries), review.counts(session))


@guard.page("/review")
async def page(visit: Visit, state: str = ReviewState.OPEN.value) -> None:
    """The list at the left, the chosen entry at the right."""
    chosen = ReviewState(state) if state in set(ReviewState) else ReviewState.OPEN
    queue = await desk.look(lambda session: _read(session, chosen))
    with frame(visit, _("The assistant learns"), await inbox.for_visitor(visit.visitor)):
        learning_tabs(visit, "/review")
        screen = Screen(visit, chosen)
        screen.build(queue)


class Screen:
    """The list, what is chosen in it, and the keys."""

    def __init__(self, visit: Visit, state: ReviewState) -> None:
        self.visit, self.state = visit, state
        self.queue = Queue([], {}, {})
        self.chosen: int | None = None
        self.decisions = Decisions(self.decided)

    def build(self, queue: Queue) -> None:
        self.states = Canvas("review-states")
        with box("review"):
            self.list = Canvas("stack")
            with attribute(box("card pad review-card"), aria_live="polite"):
                self.decisions.build()
        ui.keyboard(self._key, ignore=["input", "select", "textarea"])
        self._show(queue)

    async def decided(self) -> None:
        """The chosen entry left the list: the next one takes its place."""
        ids = [entry.id for entry in self.queue.entries]
        place = ids.index(self.chosen) if self.chosen in ids else 0
        queue = await desk.look(lambda session: _read(session, self.state))
        left = [entry.id for entry in queue.entries]
        self.chosen = left[min(place, len(left) - 1)] if left else None
        self._show(queue)
        await self._open()

    def _show(self, queue: Queue) -> None:
        self.queue = queue
        self.states.show(queue.counts, self._draw_states)
        self._draw_again()

    def _draw_again(self) -> None:
        rows = [(entry.id, entry.count, entry.last_at, entry.id == self.chosen) for entry in self.queue.entries]
        self.list.show((rows, self.state), self._draw)

    def _draw_states(self) -> None:
        counts = self.queue.counts
        choices = [
            (state.value, f"{phrases.word(state)} · {phrases.number(counts.get(state, 0))}", f"/review?state={state}")
            for state in ReviewState
        ]
        tabs(choices, self.state.value)

    def _draw(self) -> None:
        if not self.queue.entries:
            return self._draw_empty()
        with attribute(box("card rows"), role="listbox", aria_label=_("Messages")):
            for entry in self.queue.entries:
                self._row(entry)
        return None

    def _draw_empty(self) -> None:
        with box("card"):
            if self.state is ReviewState.OPEN:
                words = _("When the assistant is unsure of a message or its answer does not help, it appears here.")
                empty("school", _("Everything is decided"), words)
            else:
                empty("inbox", _("Nothing here yet"), _("What you decide is kept here and can be undone."))

    def _row(self, entry: ReviewEntry) -> None:
        seen = self.queue.newest.get(entry.id)

        async def pressed() -> None:
            self.chosen = entry.id
            with row.client:  # the line itself is drawn anew
                self._draw_again()
                await self._open()

        on = entry.id == self.chosen
        row = box("entry review-row on" if on else "entry review-row", "button").on("click", pressed)
        attribute(row, type="button", role="option", aria_selected=str(on).lower(), data_entry=str(entry.id))
        with row:
            with box("row-main"):
                text(entry.text, "row-words")
                with box("row-head"):
                    reason = seen.reason if seen else entry.reason
                    pill(phrases.word(reason), TONES.get(reason, ""))
                    if entry.count > 1:
                        text(_("{n} times").format(n=phrases.number(entry.count)), "dim small", "span")
            with box("row-end"):
                moment(entry.last_at, "dim small")

    async def _open(self) -> None:
        await self.decisions.show(self.chosen)

    async def _key(self, event: events.KeyEventArguments) -> None:
        if not event.action.keydown or event.modifiers.ctrl or event.modifiers.alt or event.modifiers.meta:
            return
        name = str(event.key.name)
        if name in ("j", "ArrowDown", "k", "ArrowUp"):
            await self._step(1 if name in ("j", "ArrowDown") else -1)
        else:
            await self.decisions.key(name)

    async def _step(self, by: int) -> None:
        ids = [entry.id for entry in self.queue.entries]
        if ids:
            place = ids.index(self.chosen) + by if self.chosen in ids else 0
            self.chosen = ids[max(0, min(place, len(ids) - 1))]
            self._draw_again()
            await self._open()
