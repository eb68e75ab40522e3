"""Winning back: customers who gave 1 or 2, whoever talks to them next, and what was done."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from console import desk, guard, inbox, phrases
from console.card import stars
from console.complaint_dialogs import Form, words_field
from console.complaint_part import act, ask
from console.frame import frame
from console.language import _
from console.pieces import Canvas, attribute, box, button, empty, link, moment, pill, symbol, tabs, text
from console.visits import Visit
from crm import case_sight, recovery
from crm.models.cases import RecoveryState, RecoveryTask
from crm.models.people import Tier
from crm.models.staff import Staff

ACTION = "win_back"
REFRESH_S = 5.0
TONES = {RecoveryState.OPEN: "warn", RecoveryState.TAKEN: "info", RecoveryState.DONE: "good"}
DONE = "done"


@dataclass(frozen=True)
class Sight:
    """One page of tasks. `names`: staff by number; `talks`: the conversation of each customer, by their number."""

    tasks: list[RecoveryTask]
    names: dict[int, str]
    talks: dict[int, int]
    waiting: int


def _see(session: Session, over: bool, key: int) -> Sight:
    tasks = recovery.done(session, key or None) if over else recovery.alive(session, key)
    names = case_sight.names(session, {task.rating.staff_id for task in tasks})
    talks = recovery.talks(session, {task.customer_id for task in tasks})
    return Sight(tasks, names, talks, recovery.waiting(session))


@guard.page("/recovery")
async def page(visit: Visit, show: str = "") -> None:
    """The tasks that wait, or with `show=done` those that are done."""
    screen = Screen(visit, show == DONE)
    sight = await desk.look(screen.see)
    back = (_("Complaints"), "/complaints")
    with frame(visit, _("Winning back"), await inbox.for_visitor(visit.visitor), back=back):
        choices = [("", _("To do") + f" · {sight.waiting}", "/recovery"), (DONE, _("Settled"), "/recovery?show=done")]
        tabs(choices, DONE if screen.over else "")
        screen.build(sight)
    visit.every(REFRESH_S, screen.refresh)


class Screen:
    """The tasks, one card each."""

    def __init__(self, visit: Visit, over: bool) -> None:
        self.visit, self.over, self.after = visit, over, 0

    def see(self, session: Session) -> Sight:
        """Looks at the page that is shown."""
        return _see(session, self.over, self.after)

    def build(self, sight: Sight) -> None:
        """Draws everything once."""
        self.place = Canvas("stack")
        self.foot = Canvas("actions")
        self._show(sight)

    async def refresh(self) -> None:
        """Looks again and draws what changed."""
        self._show(await desk.look(self.see))

    def _show(self, sight: Sight) -> None:
        key = [(task.id, task.state, task.staff_id, task.rating.score, task.rating.reason) for task in sight.tasks]
        self.place.show(key, lambda: self._draw(sight))
        full = len(sight.tasks) == recovery.PAGE
        self.foot.show((full, self.after), lambda: self._draw_foot(sight, full))

    def _draw_foot(self, sight: Sight, full: bool) -> None:
        async def go_on() -> None:
            self.after = sight.tasks[-1].id
            await self.refresh()

        async def go_back() -> None:
            self.after = 0
            await self.refresh()

        if self.after:
            button(_("Back to the top"), go_back, "", "first_page")
        if full:
            button(_("Next page"), go_on, "", "chevron_right")

    def _draw(self, sight: Sight) -> None:
        for task in sight.tasks:
            self._task(sight, task)
        if not sight.tasks:
            with box("card"):
                title = _("Nothing settled yet") if self.over else _("Nobody is to be won back")
                hint = _("When a customer gives 1 or 2, a task appears here and the leads are told.")
                empty("volunteer_activism", title, hint)

    def _task(self, sight: Sight, task: RecoveryTask) -> None:
        with attribute(box("card pad recovery"), data_task=str(task.id)):
            with box("head-line"):
                with box("row-head"):
                    stars(task.rating.score)
                    with link(f"/customers/{task.customer_id}", "plain"):
                        text(task.customer.name or _("No name yet"), "strong", "span")
                    if task.customer.tier is not Tier.NONE:
                        text(phrases.word(task.customer.tier), f"tier {task.customer.tier.value}", "span")
                    pill(phrases.word(task.state), TONES.get(task.state, ""))
                    moment(task.opened_at)
                with box("actions"):
                    self._buttons(sight, task)
            text(task.rating.reason or _("(no reason given)"), "prose" if task.rating.reason else "dim")
            self._about(sight, task)
            if task.outcome:
                with box("answered"):
                    text(task.outcome, "prose")

    def _about(self, sight: Sight, task: RecoveryTask) -> None:
        with box("row-head"):
            if task.complaint is not None:
                with link(f"/complaints/{task.complaint.id}", "more"):
                    text(task.complaint.code, "mono", "span")
            answered = sight.names.get(task.rating.staff_id or 0)
            if answered:
                text(_("answered by {name}").format(name=answered), "dim small", "span")
            if task.staff is not None:
                text(_("with {name}").format(name=task.staff.name), "dim small", "span")
            if task.done_at is not None:
                text(phrases.when(task.done_at), "dim small", "span")

    def _buttons(self, sight: Sight, task: RecoveryTask) -> None:
        talk = sight.talks.get(task.customer_id)
        if talk is not None:
            with link(f"/conversations/{talk}", "btn"):
                symbol("forum")
                text(_("Conversation"), tag="span")
        if task.state is RecoveryState.OPEN:
            button(
                _("Take it on"), self._doing(lambda session, staff: recovery.take(session, task.id, staff)), "primary"
            )
        elif task.state is RecoveryState.TAKEN and task.staff_id == self.visit.visitor.staff_id:
            button(
                _("Leave it to others"), self._doing(lambda session, staff: recovery.give_back(session, task.id, staff))
            )
            button(_("Settled"), self._finish(task.id), "primary", "check")
        elif task.state is RecoveryState.DONE:
            button(
                _("Not settled yet"),
                self._doing(lambda session, staff: recovery.take(session, task.id, staff)),
                "",
                "undo",
            )

    def _doing(self, work: Callable[[Session, Staff], object]) -> Callable[[], Awaitable[None]]:
        async def pressed() -> None:
            await act(self.visit, ACTION, work)
            await self.refresh()

        return pressed

    def _finish(self, task_id: int) -> Callable[[], Awaitable[None]]:
        def build() -> Callable[[], str]:
            field = words_field(_("What was done for the customer"), 4)
            return lambda: str(field.value or "")

        async def keep(outcome: str) -> bool:
            return bool(await act(self.visit, ACTION, lambda db, staff: recovery.finish(db, task_id, staff, outcome)))

        async def pressed() -> None:
            hint = _("Who spoke with them, what was offered, how they took it.")
            await ask(self.visit, Form(_("Settled"), hint, _("Save"), build, keep))
            await self.refresh()

        return pressed
