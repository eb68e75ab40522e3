"""Who sits at which screen. A visit lives as long as the page stands open in a browser."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import ClassVar

from nicegui import Client, ui
from nicegui.context import context
from starlette.requests import HTTPConnection

from console import language
from crm.models.staff import Role, Staff


@dataclass(frozen=True)
class Visitor:
    """A member of staff as read from the database when their request arrived."""

    staff_id: int
    name: str
    role: Role
    token: str

    @classmethod
    def of(cls, staff: Staff, token: str) -> "Visitor":
        return cls(staff.id, staff.name, staff.role, token)


@dataclass(frozen=True)
class Visit:
    """One open page. `path` is its pattern in `access.PAGES`."""

    client: Client
    visitor: Visitor
    path: str

    open_now: ClassVar[dict[str, "Visit"]] = {}

    def begin(self, words: str) -> None:
        """Registers the visit, in the language `words`; it ends by itself when the page is closed."""
        self.open_now[self.client.id] = self
        language.remember(self.client.id, words)
        self.client.on_delete(self._end)

    def every(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        """Runs `work` within the screen again and again, for as long as its person may see it."""

        async def tick() -> None:
            if self.client.id in self.open_now:
                await work()

        with self.client:
            ui.timer(seconds, tick, immediate=False)

    def _end(self) -> None:
        self.open_now.pop(self.client.id, None)
        language.forget(self.client.id)


def current() -> Visit:
    """The visit of the screen being built or changed. Raises KeyError outside of one."""
    return Visit.open_now[context.client.id]


def visitor_of(request: HTTPConnection) -> Visitor | None:
    """Who sent the request, as `doorkeeper` found out."""
    found: Visitor | None = request.scope.get("trian_visitor")
    return found
