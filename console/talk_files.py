"""The file that is about to go with a reply: chosen, shown, taken off again, and kept only when it is sent."""

import asyncio
from dataclasses import dataclass

from nicegui import events, ui

from console import refusals
from console.language import _
from console.pieces import Canvas, attribute, box, button, symbol, text
from crm import attachments
from crm.attachments import DOCUMENT, FOLDER, MOST_BYTES, PHOTO, VOICE, Stored
from crm.errors import TrianError
from crm.outbox import Content
from crm.settings import settings

MOST_CAPTION = 1024  # of Telegram; longer words go as a message of their own


@dataclass(frozen=True)
class Chosen:
    """A file as the browser sent it."""

    name: str
    content: bytes


class Staged:
    """Draws into the place it was made in."""

    def __init__(self) -> None:
        self._chosen: Chosen | None = None
        self._chip = Canvas("staged")
        self._upload = ui.upload(
            on_upload=self._came, on_rejected=self._refused, max_file_size=MOST_BYTES, auto_upload=True
        ).classes("hidden-upload")

    async def pick(self) -> None:
        """Lets the person choose a file."""
        self._upload.run_method("pickFiles")

    def take(self) -> Chosen | None:
        """The file that goes with what is sent now; it is then not shown any more."""
        chosen = self._chosen
        self.put_back(None)
        return chosen

    def put_back(self, chosen: Chosen | None) -> None:
        """Shows the file again."""
        self._chosen = chosen
        self._chip.show(chosen and (chosen.name, len(chosen.content)), self._draw)

    async def contents(self, words: str, chosen: Chosen | None) -> list[Content] | None:
        """What is to be sent; keeps the file. None when it cannot be kept: the person has been told why."""
        if chosen is None:
            return [Content(words)]
        try:
            kept = await asyncio.to_thread(attachments.keep_own, settings().var_dir, chosen.content, chosen.name)
        except TrianError as error:
            ui.notify(refusals.refusal(error), type="negative", position="top", timeout=6000)
            return None
        except OSError:
            words = _("The file could not be kept just now. Please try again in a moment.")
            ui.notify(words, type="negative", position="top", timeout=6000)
            return None
        return _contents(words, kept)

    async def _came(self, event: events.UploadEventArguments) -> None:
        self._upload.reset()
        if event.file.size() > MOST_BYTES:  # the browser's limit binds only those who keep to it
            return self._refused()
        content = await event.file.read()
        self.put_back(Chosen(attachments.fit_name(event.file.name) or _("File"), content))
        return None

    def _refused(self) -> None:
        words = _("This file is too large. At most 20 MB can be sent.")
        ui.notify(words, type="negative", position="top", timeout=6000)

    def _draw(self) -> None:
        if self._chosen is None:
            return
        with box("staged-file"):
            symbol("attach_file")
            text(self._chosen.name, "document-name", "span")
            text(_size(len(self._chosen.content)), "dim small", "span")
            words = _("Take the file off")
            attribute(button("", self._drop, "quiet tool", "close"), title=words, aria_label=words)

    async def _drop(self) -> None:
        self.put_back(None)


def _contents(words: str, kept: Stored) -> list[Content]:
    path = f"{FOLDER}/{kept.path}"
    caption = words if len(words) <= MOST_CAPTION else ""
    file = Content(
        caption,
        photo=path if kept.kind == PHOTO else None,
        voice=path if kept.kind == VOICE else None,
        document=path if kept.kind == DOCUMENT else None,
        file_name=kept.name,
    )
    return [file] if caption == words else [file, Content(words)]


def _size(length: int) -> str:
    return f"{length / 1_000_000:.1f} MB".replace(".", ",") if length >= 1_000_000 else f"{max(1, length // 1000)} KB"
