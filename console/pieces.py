"""The small parts pages are made of. Text always goes in as text: nothing here takes HTML."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from console import phrases
from crm.text import given_name

Handler = Callable[[], Awaitable[Any]]
E = TypeVar("E", bound=ui.element)


def box(classes: str, tag: str = "div") -> ui.element:
    """An empty element to fill."""
    return ui.element(tag).classes(classes)


def text(words: str, classes: str = "", tag: str = "div") -> TextElement:
    """An element that holds `words`, escaped."""
    return TextElement(tag=tag, text=words).classes(classes)


def attribute(element: E, **values: str) -> E:
    """Sets attributes by value, so that no quote in a value can break out. `aria_label` becomes `aria-label`."""
    for name, value in values.items():
        element.props[name.replace("_", "-")] = value
    return element


def link(target: str, classes: str = "") -> ui.element:
    """An `<a>` to fill."""
    return attribute(box(classes, "a"), href=target)


def symbol(name: str) -> ui.element:
    """A Material icon: Quasar's own, without the bindings that `ui.icon` has and nobody here uses."""
    return attribute(ui.element("q-icon"), name=name)


class Canvas:
    """A part of the page drawn again only when what it shows has changed: no click is lost to a redraw of the same."""

    def __init__(self, classes: str) -> None:
        self.place = box(classes)
        self._shown: object = self  # equal to nothing that is ever shown

    def show(self, what: object, draw: Callable[[], None]) -> None:
        """Calls `draw` inside the emptied part unless `what` equals what it shows already."""
        if what == self._shown:
            return
        self._shown = what
        self.place.clear()
        with self.place:
            draw()


def button(words: str, handler: Handler, kind: str = "", icon: str = "") -> ui.element:
    """A button that cannot be pressed twice while its action runs. `kind`: primary, danger, quiet or nothing."""
    element = attribute(box(f"btn {kind}", "button"), type="button")
    with element:
        if icon:
            symbol(icon)
        text(words, tag="span")

    async def pressed() -> None:
        if element.props.get("disabled"):
            return
        element.props["disabled"] = True
        try:
            with element.client:  # the button itself may be gone, redrawn by others, before its work is done
                await handler()
        finally:
            if not element.is_deleted:
                element.props.pop("disabled", None)
                element.update()

    element.on("click", pressed)
    return element


def pill(words: str, tone: str = "") -> TextElement:
    """A state in a word. `tone`: good, warn, bad, info or nothing."""
    return text(words, f"pill {tone}", "span")


def moment(at: datetime, classes: str = "dim") -> TextElement:
    """A time as people read it; the full date shows on hover."""
    element = text(phrases.when(at), classes, "time")
    attribute(element, title=phrases.full_time(at), datetime=at.isoformat())
    return element


def avatar(name: str, classes: str = "") -> None:
    """The first letter of the name the person is called by, which in Vietnamese is the last one."""
    text(given_name(name)[:1].upper() or "?", f"avatar {classes}")


def empty(icon: str, title: str, hint: str) -> None:
    """An empty state that says what to do."""
    with box("empty"):
        symbol(icon)
        text(title, "empty-title")
        text(hint, "dim")


@contextmanager
def section(title: str, classes: str = "") -> Iterator[ui.element]:
    """A titled block of a card."""
    with box(f"section {classes}", "section") as block:
        text(title, "section-title", "h3")
        yield block


def fact(name: str, value: str) -> None:
    """One line of name and value; nothing when there is no value."""
    if value:
        with box("fact"):
            text(name, "fact-name")
            text(value, "fact-value")


def tabs(choices: list[tuple[str, str, str]], chosen: str) -> None:
    """A row of filters as links: (key, words, target)."""
    with box("tabs", "nav"):
        for key, words, target in choices:
            with link(target, "tab on" if key == chosen else "tab") as tab:
                text(words, tag="span")
            if key == chosen:
                attribute(tab, aria_current="page")
