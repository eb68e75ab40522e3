"""The trained models: the one in use, the one that waits beside it with its figures, and those to go back to."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from console import desk, guard, inbox, phrases
from console.desk import act
from console.dialogs import confirmed
from console.frame import frame
from console.language import _
from console.learning import learning_tabs
from console.pieces import Canvas, attribute, box, button, empty, moment, pill, section, symbol, text
from console.visits import Visit
from crm import examples, training_jobs
from crm.models.training import TrainingJob, TrainingKind, TrainingState

LOOK_S = 2.0
TONES = {TrainingState.DONE: "good", TrainingState.REFUSED: "bad", TrainingState.LOST: "bad"}


@dataclass(frozen=True)
class Sight:
    """`waiting`: sentences that no model has learnt yet."""

    jobs: list[TrainingJob]
    current: TrainingJob | None
    shelf: dict[str, Any] | None
    waiting: int


def _see(session: Session) -> Sight:
    return Sight(
        training_jobs.latest(session, 5),
        training_jobs.current(session),
        training_jobs.shelf(session),
        examples.untrained(session),
    )


@guard.page("/training")
async def page(visit: Visit) -> None:
    """Built once, looked at again while something runs."""
    sight = await desk.look(_see)
    with frame(visit, _("The assistant learns"), await inbox.for_visitor(visit.visitor)):
        learning_tabs(visit, "/training")
        screen = Screen(visit)
        screen.show(sight)
    visit.every(LOOK_S, screen.refresh)


class Screen:
    """The parts of the page that change."""

    def __init__(self, visit: Visit) -> None:
        self.visit = visit
        with box("training"):
            with box("stack"):
                self.todo = Canvas("card pad stack")
                self.shelf = Canvas("card pad stack")
            self.log = Canvas("card pad stack")

    async def refresh(self) -> None:
        self.show(await desk.look(_see))

    def show(self, sight: Sight) -> None:
        busy = sight.current is not None
        states = [(job.id, job.state, job.said) for job in sight.jobs]
        self.todo.show((sight.waiting, busy, sight.current and sight.current.state), lambda: self._draw_todo(sight))
        self.shelf.show((sight.shelf, busy), lambda: self._draw_shelf(sight.shelf, busy))
        self.log.show(states, lambda: self._draw_log(sight.jobs))

    def _draw_todo(self, sight: Sight) -> None:
        with section(_("Train")):
            count = phrases.number(sight.waiting)
            text(_("{n} sentences from the review queue are waiting to be learnt.").format(n=count), "prose")
            if sight.current is not None:
                with box("running"):
                    symbol("hourglass_top")
                    words = f"{phrases.word(sight.current.kind)} {phrases.word(sight.current.state)}"
                    text(words, "strong", "span")
                text(_("It takes a few minutes. The assistant goes on answering; you may leave this page."), "dim")
            else:
                with box("actions"):
                    button(_("Train a new model"), self._train, "primary", "model_training")
                text(_("It is compared with the one in use and waits here until you put it in use."), "hint")

    def _draw_shelf(self, shelf: dict[str, Any] | None, busy: bool) -> None:
        if not shelf or not shelf.get("models"):
            return empty("inventory_2", _("No figures yet"), _("After the first training the models are listed here."))
        candidate = shelf.get("candidate")
        if candidate:
            self._draw_candidate(candidate, busy)
        with section(_("Models")):
            for number, model in enumerate(shelf["models"]):
                self._draw_model(model, number == 0, busy)
        return None

    def _draw_candidate(self, candidate: dict[str, Any], busy: bool) -> None:
        verdict = candidate["verdict"]
        with section(_("The new model")):
            _compare(verdict["figures"], verdict.get("to_reach"))
            worse = bool(verdict["objections"])
            if worse:
                text(_("It is worse than what is in use. Look at the sentences that came in last."), "lacking")
            else:
                text(_("It is as good as the one in use, or better."), "better")
            if not busy:
                with box("actions"):
                    kind = "danger" if worse else "primary"
                    button(_("Put it in use"), lambda: self._promote(worse), kind, "publish")

    def _draw_model(self, model: dict[str, Any], in_use: bool, busy: bool) -> None:
        name = str(model["model"])
        with attribute(box("version"), data_model=name):
            text(name.removeprefix("trian-").removesuffix(".tar.gz"), "mono", "span")
            if in_use:
                pill(_("in use"), "good")
            figures = model.get("figures") or {}
            if "accuracy" in figures:
                text(_percent(figures["accuracy"]), "small", "span")
            moment(datetime.fromisoformat(str(model["trained_at"])), "dim small")
            if not in_use and not busy:
                button(_("Go back to it"), lambda: self._roll_back(name), "quiet", "history")

    def _draw_log(self, jobs: list[TrainingJob]) -> None:
        with section(_("What was done")):
            if not jobs:
                text(_("Nobody has trained from here yet."), "dim")
            for job in jobs:
                with box("job"):
                    with box("row-head"):
                        text(phrases.word(job.kind), "strong", "span")
                        pill(phrases.word(job.state), TONES.get(job.state, "info"))
                        text(job.staff.name, "dim small", "span")
                        moment(job.asked_at, "dim small")
                    if job.said:
                        text(job.said, "said-log")

    async def _train(self) -> None:
        await self._ask(TrainingKind.TRAIN)

    async def _promote(self, worse: bool) -> None:
        with self.visit.client:
            words = _("The new model is worse on the fixed tests. Customers may be understood less well.")
            if worse and not await confirmed(_("Put it in use all the same?"), words, _("Put it in use"), "danger"):
                return
        await self._ask(TrainingKind.PROMOTE, accept_worse=worse)

    async def _roll_back(self, model: str) -> None:
        with self.visit.client:
            words = _("What was learnt since is not known to it. You can change back at any time.")
            if not await confirmed(_("Go back to this model?"), words, _("Go back to it")):
                return
        await self._ask(TrainingKind.ROLL_BACK, model)

    async def _ask(self, kind: TrainingKind, model: str | None = None, *, accept_worse: bool = False) -> None:
        await act(
            "ask_training",
            lambda session, staff: training_jobs.ask(session, staff, kind, model, accept_worse=accept_worse).id,
        )
        await self.refresh()


def _compare(figures: dict[str, float], to_reach: dict[str, float] | None) -> None:
    """One line a figure: the new model's, and the serving one's beside it."""
    names = {
        "accuracy": _("Understood rightly"),
        "macro_f1": _("… over all meanings alike"),
        "accuracy_no_accents": _("Understood without accents"),
        "macro_f1_no_accents": _("… over all meanings alike, without accents"),
    }
    with box("figures"):
        for words in ("", _("new"), _("in use")):
            text(words, "dim small")
        for name, words in names.items():
            text(words)
            text(_percent(figures[name]), "mono strong")
            text(_percent(to_reach[name]) if to_reach else "–", "mono dim")


def _percent(share: float) -> str:
    return f"{phrases.decimal(100 * share)} %"
