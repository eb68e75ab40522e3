"""A part of a complaint's page that acts. Its buttons may be drawn anew while something they began still runs."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from nicegui import ui
from sqlalchemy.orm import Session

from console import desk
from console.complaint_dialogs import Form
from console.desk import Outcome
from console.visits import Visit
from crm.models.staff import Staff

Given = TypeVar("Given")
Done = TypeVar("Done")
# How something done can be taken back: what it is called, and the action and work that do it.
Undo = Callable[[str, str, Callable[[Session, Staff], object]], Awaitable[None]]


async def act(visit: Visit, action: str, work: Callable[[Session, Staff], Done]) -> Outcome[Done]:
    """`desk.act` for the screen itself, whatever became of the button that was pressed."""
    with visit.client:
        return await desk.act(action, work)


async def ask(visit: Visit, form: Form[Given]) -> Given | None:
    """Opens the form in front of the screen itself."""
    with visit.client:
        return await form.asked()


def say(visit: Visit, words: str) -> None:
    """Tells that something was done."""
    with visit.client:
        ui.notify(words, type="positive", position="top")


class Part:
    """What every part knows. `undo` is given the way back of what has one; `changed` draws the page anew."""

    def __init__(self, visit: Visit, complaint_id: int, undo: Undo, changed: Callable[[], Awaitable[None]]) -> None:
        self.visit, self.complaint_id, self._undo, self._changed = visit, complaint_id, undo, changed

    async def ask(self, form: Form[Given]) -> Given | None:
        """What was filled in; None when the person left."""
        return await ask(self.visit, form)
