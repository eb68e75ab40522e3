"""What is painted once for all, and what a page leaves behind."""

import gc
import weakref
from collections.abc import Iterator
from typing import Any

import htpy as h
import pytest
from nicegui import Client, app, ui

from console import forgetting, language, painted


@pytest.fixture
def nothing_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(painted, "_drawn", {})


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("nothing_drawn")
def test_the_same_is_drawn_once_a_language_and_what_differs_is_not_mistaken_for_it() -> None:
    drawn: list[str] = []

    def draw(words: str) -> h.Node:
        drawn.append(words)
        return h.b[words]

    assert painted.once("a", lambda: draw("<một>")) == "<b>&lt;một&gt;</b>"
    assert painted.once("a", lambda: draw("hai")) == "<b>&lt;một&gt;</b>"
    assert painted.once("b", lambda: draw("hai")) == "<b>hai</b>"
    token = language.of_request.set("en")
    assert painted.once("a", lambda: draw("one")) == "<b>one</b>"
    language.of_request.reset(token)
    assert drawn == ["<một>", "hai", "one"]
    assert str(h.fragment[painted.once("a", lambda: None)]) == "<b>&lt;một&gt;</b>", "escaped twice"


@pytest.mark.usefixtures("nothing_drawn")
def test_what_nobody_has_seen_for_the_longest_time_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(painted, "REMEMBERED", 2)
    for what in ("a", "b", "a", "c"):
        painted.once(what, lambda: h.b["x"])
    assert [what for _, what in painted._drawn] == ["a", "c"]


def _opened(heard: list[str]) -> tuple[Client, list[weakref.ref[Any]]]:
    """A page whose parts hold each other, and what must be gone with it."""
    client = Client(ui.page("/nowhere"), request=None)
    with client:
        label = ui.label("chào").classes("strong").props("role=note")
        field = ui.input(on_change=lambda: field.set_value("x"))
    client.on_delete(lambda: heard.append(client.id))
    return client, [weakref.ref(each) for each in (client, field, label, label.classes, label.style, label.props)]


@pytest.mark.usefixtures("no_collector")
def test_a_page_that_is_over_leaves_nothing_to_the_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "_delete_handlers", [])
    app.on_delete(forgetting._untie)
    heard: list[str] = []
    client, parts = _opened(heard)
    client.delete()
    assert heard == [client.id]
    del client
    assert [part() for part in parts] == [None] * 6
