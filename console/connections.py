"""What the pages about other systems share: their tabs, and a group of things of which several are chosen."""

from collections.abc import Sequence
from enum import StrEnum
from functools import partial
from typing import Generic, TypeVar

from nicegui import ui

from console import phrases
from console.language import _
from console.pieces import attribute, box, button, tabs, text

Member = TypeVar("Member", bound=StrEnum)


def sections(chosen: str) -> None:
    """The pages about other systems."""
    tabs([("systems", _("Systems"), "/integrations"), ("imports", _("Import files"), "/imports")], chosen)


def field(words: str, example: str, name: str) -> ui.input:
    """A labelled line to write in."""
    with box(""):
        text(words, "label")
        written = ui.input(placeholder=example).props("outlined dense maxlength=500").classes("field")
        attribute(written, aria_label=words, data_field=name)
    return written


class Several(Generic[Member]):
    """Members of an enum as buttons; `chosen` are those that are pressed."""

    def __init__(self, words: str, members: Sequence[Member]) -> None:
        self.chosen: set[Member] = set()
        self._buttons: dict[Member, ui.element] = {}
        with box(""):
            text(words, "label")
            with attribute(box("choice"), role="group", aria_label=words):
                for member in members:
                    element = button(phrases.word(member), partial(self._press, member))
                    self._buttons[member] = attribute(element, data_choice=member.value, aria_pressed="false")

    async def _press(self, member: Member) -> None:
        self.chosen ^= {member}
        element, on = self._buttons[member], member in self.chosen
        element.classes(add="on") if on else element.classes(remove="on")
        attribute(element, aria_pressed="true" if on else "false")
        element.update()


def secret_line(value: str, name: str) -> None:
    """A secret to copy."""
    with box("secret-line"):
        attribute(text(value, "mono", "code"), data_secret=name)

        async def copy() -> None:
            ui.clipboard.write(value)
            ui.notify(_("Copied."), type="positive", position="top")

        button(_("Copy"), copy, "", "content_copy")
