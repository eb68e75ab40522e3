"""A short form in front of the page: filled in and agreed to, or left."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Generic, TypeVar

from nicegui import ui

from console.language import _
from console.pieces import attribute, box, button, text

Given = TypeVar("Given")


class Form(Generic[Given]):
    """Opens with `build`, which draws the fields and returns what reads them.

    Use it within the client itself (`with visit.client:`): what its button stands in may be drawn again meanwhile.
    `keep` does what was agreed to and says whether it was done; until it is, the form stays open as it was filled in.
    """

    def __init__(
        self,
        title: str,
        hint: str,
        yes: str,
        build: Callable[[], Callable[[], Given]],
        keep: Callable[[Given], Awaitable[bool]],
    ) -> None:
        self.title, self.hint, self.yes, self.build, self.keep = title, hint, yes, build, keep
        self._kept: Given | None = None
        self._keeping = asyncio.Lock()  # pressed twice it is done once; who leaves meanwhile hears of what was done

    async def asked(self) -> Given | None:
        """What was given and kept; None when the person left."""
        with ui.dialog() as dialog, attribute(box("card pad stack question case-form"), role="dialog"):
            attribute(dialog, aria_label=self.title)
            text(self.title, "section-title", "h3")
            if self.hint:
                text(self.hint, "dim")
            read = self.build()
            with box("actions ends"):

                async def no() -> None:
                    dialog.submit(None)

                async def agreed() -> None:
                    async with self._keeping:
                        given = read()
                        if self._kept is None and await self.keep(given):
                            self._kept = given
                            dialog.submit(given)

                button(_("Go back"), no)
                button(self.yes, agreed, "primary")
        await dialog
        async with self._keeping:
            if not dialog.is_deleted:
                dialog.delete()
            return self._kept


def words_field(label: str, rows: int = 3) -> ui.textarea:
    """A field for some lines of text."""
    return ui.textarea(label).props(f"outlined autogrow maxlength=2000 rows={rows}").classes("field")


def line_field(label: str, value: str = "") -> ui.input:
    """A field for one line."""
    return ui.input(label, value=value).props("outlined dense maxlength=200").classes("field")


def choice_field(label: str, options: dict[str, str], value: str) -> ui.select:
    """A field with a few choices."""
    return ui.select(options, label=label, value=value).props("outlined dense options-dense").classes("field")


def day_field(label: str, value: date) -> ui.input:
    """A field for a day, with the browser's own calendar."""
    return ui.input(label, value=value.isoformat()).props("outlined dense type=date").classes("field")


def day_of(field: ui.input, otherwise: date) -> date:
    """The day in the field; `otherwise` where there is none."""
    try:
        return date.fromisoformat(str(field.value or ""))
    except ValueError:
        return otherwise
