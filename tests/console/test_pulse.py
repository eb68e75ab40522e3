"""The pulse that keeps the screens alive, and closes those whose person may not see them any more."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any, cast

import pytest
from nicegui import Client

from console import pulse
from console.visits import Visit, Visitor
from crm.models.staff import Role


class _Screen:
    """Of a browser's page only what the pulse touches."""

    def __init__(self, name: str) -> None:
        self.id, self.opened, self.has_socket_connection = name, cast(list[str], []), True

    def on_delete(self, _handler: object) -> None: ...

    def open(self, target: str) -> None:
        self.opened.append(target)


def _visit(name: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Visit, _Screen]:
    screen = _Screen(name)
    visit = Visit(cast(Client, screen), Visitor(1, "Lan", Role.AGENT, f"token of {name}"), "/")
    monkeypatch.setitem(Visit.open_now, name, visit)
    return visit, screen


def test_a_page_that_opens_while_the_pulse_looks_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Visit, "open_now", {})
    (early, early_screen), seen = _visit("early", monkeypatch), cast(list[_Screen], [])

    def look(_topics: object, tokens: set[str]) -> Any:
        assert tokens == {early.visitor.token}
        seen.append(_visit("late", monkeypatch)[1])
        return SimpleNamespace(marks={}, alive={})

    monkeypatch.setattr(pulse, "_look", look)
    # In a thread of its own: the browser of this package keeps an event loop running in this one.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, pulse.Pulse()._beat()).result()
    assert early_screen.opened == ["/login"]
    assert seen[0].opened == []
    assert set(Visit.open_now) == {"late"}


def test_news_waits_once_for_a_page_that_nobody_reads_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Visit, "open_now", {})
    visit, screen = _visit("slow", monkeypatch)
    beats, told = pulse.Pulse(), cast(list[str], [])
    marks = iter(range(10))
    monkeypatch.setattr(
        pulse,
        "_look",
        lambda *_: SimpleNamespace(marks={pulse.QUEUE: (next(marks),)}, alive={visit.visitor.token: None}),
    )
    monkeypatch.setattr(pulse.guard, "dismiss", lambda *_: None)
    monkeypatch.setattr(pulse, "_within", lambda whose, _listener: told.append(whose.client.id))
    monkeypatch.setattr(pulse.background_tasks, "create", lambda *_, **__: None)
    beats.subscribe(visit, pulse.QUEUE, cast(Any, lambda: None))
    with ThreadPoolExecutor(1) as pool:
        for connected in (False, False, True):
            screen.has_socket_connection = connected
            pool.submit(asyncio.run, beats._beat()).result()
            assert told == (["slow"] if connected else [])
