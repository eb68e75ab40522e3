"""Live updates: two looks at the database a second for the whole process, however many screens are open."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

import structlog
from nicegui import background_tasks
from sqlalchemy.exc import SQLAlchemyError

from console import guard, language
from console.visits import Visit
from crm import changes, staff_sessions
from crm.changes import Mark
from crm.db import database
from crm.models.staff import Staff
from crm.settings import settings

log = structlog.get_logger(__name__)
EVERY_S = 0.5
Topic = tuple[str, int]
QUEUE: Topic = ("queue", 0)
COMPLAINTS: Topic = ("complaints", 0)
PROMISES: Topic = ("promises", 0)
Listener = Callable[[], Awaitable[None]]


def conversation(number: int) -> Topic:
    """News of one conversation."""
    return ("conversation", number)


def notices(staff_id: int) -> Topic:
    """News for one person: what they are told, wherever in the console they are."""
    return ("notices", staff_id)


def campaign(number: int) -> Topic:
    """News of one broadcast."""
    return ("campaign", number)


@dataclass
class Look:
    """What one beat saw: a mark for each topic, and who is still logged in."""

    marks: dict[Topic, Mark]
    alive: dict[str, Staff]


@dataclass
class Pulse:
    """Knows which screens want to hear of what, and tells them when its mark changed."""

    listeners: dict[Topic, dict[str, list[tuple[Visit, Listener]]]] = field(default_factory=dict)
    marks: dict[Topic, Mark] = field(default_factory=dict)
    _fresh: list[tuple[Visit, Listener]] = field(default_factory=list)
    _poked: asyncio.Event = field(default_factory=asyncio.Event)

    def subscribe(self, visit: Visit, topic: Topic, listener: Listener) -> None:
        """Calls `listener` within the screen whenever `topic` changes, until the screen closes."""
        self.listeners.setdefault(topic, {}).setdefault(visit.client.id, []).append((visit, listener))
        self._fresh.append((visit, listener))  # what changed while the page was being built must not be missed
        visit.client.on_delete(lambda: self._drop(topic, visit.client.id))

    def poke(self) -> None:
        """Looks now: somebody here has just changed something."""
        self._poked.set()

    async def run(self) -> None:
        """Beats until cancelled. A database that is away is waited for."""
        while True:
            try:
                await self._beat()
            except SQLAlchemyError as error:
                log.warning("pulse_failed", error=type(error).__name__)
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY_S):  # Python 3.11's wait_for loses a cancellation that meets a poke
                    await self._poked.wait()
            self._poked.clear()

    async def _beat(self) -> None:
        if not Visit.open_now:
            return
        fresh = len(self._fresh)  # more may come while we look
        changed = set(self._fresh)
        tokens = {visit.visitor.token for visit in Visit.open_now.values()}
        seen = await asyncio.to_thread(_look, frozenset(self.listeners), tokens)
        guard.dismiss(tokens, seen.alive)
        for topic, mark in seen.marks.items():
            if self.marks.get(topic) != mark:
                self.marks[topic] = mark
                changed.update(pair for heard in self.listeners.get(topic, {}).values() for pair in heard)
        # Nobody reads a page that is still on its way, or whose line is cut: its news waits for it, once.
        here = [pair for pair in changed if pair[0].client.id in Visit.open_now]
        self._fresh = [*self._fresh[fresh:], *(pair for pair in here if not pair[0].client.has_socket_connection)]
        for visit, listener in here:
            if visit.client.has_socket_connection:
                background_tasks.create(_within(visit, listener), name="news")

    def _drop(self, topic: Topic, client_id: str) -> None:
        heard = self.listeners.get(topic, {})
        heard.pop(client_id, None)
        if not heard:
            self.listeners.pop(topic, None)
            self.marks.pop(topic, None)


pulse = Pulse()


async def _within(visit: Visit, listener: Listener) -> None:
    language.enter(visit.client.id)
    with visit.client:
        await listener()


def _look(topics: frozenset[Topic], tokens: set[str]) -> Look:
    marks: dict[Topic, Mark] = {}
    with database(settings().database_url).read() as session:
        alive = staff_sessions.alive(session, tokens)
        if QUEUE in topics:
            marks[QUEUE] = changes.queue(session)
        if COMPLAINTS in topics:
            marks[COMPLAINTS] = changes.complaints(session)
        if PROMISES in topics:
            marks[PROMISES] = changes.promises(session)
        for kind, read in (
            ("conversation", changes.conversations),
            ("campaign", changes.campaigns),
            ("notices", changes.notices),
        ):
            watched = [number for name, number in topics if name == kind]
            if watched:
                marks.update({(kind, number): mark for number, mark in read(session, watched).items()})
    return Look(marks, alive)
