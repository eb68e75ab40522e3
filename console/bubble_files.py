"""The attachments of a message: pictures shown, sounds played, everything else to save."""

from nicegui import ui

from console.language import _
from console.pieces import attribute, box, link, text
from crm.attachments import PHOTO, VOICE
from crm.threads import File, Line


def draw(line: Line) -> None:
    """All attachments of the message, in their order."""
    for file in line.files:
        if file.kind == PHOTO:
            _photo(file)
        elif file.kind == VOICE:
            _voice(line, file)
        else:
            _document(line, file)


def _photo(file: File) -> None:
    target = f"/attachments/{file.path}"
    with attribute(link(target, "photo"), target="_blank", rel="noopener"):
        attribute(box("", "img"), src=target, alt=_("Photo"))


def _voice(line: Line, file: File) -> None:
    with box("voice"):
        sound = attribute(box("", "audio"), src=f"/attachments/{file.path}", preload="none")
        attribute(sound, aria_label=_("Voice message"))
        sound.props["controls"] = True
    if file.number >= 0:
        _save(line, file, file.name or _("Voice message"))


def _document(line: Line, file: File) -> None:
    _save(line, file, file.name or _("File"))


def _save(line: Line, file: File, words: str) -> None:
    """`title`: nothing that a stranger sent is opened in the page, and it should not be opened lightly at all."""
    place = attribute(link(f"/downloads/{line.id}/{file.number}", "document"), download=file.name)
    attribute(place, title=_("Save. Open it only if you expect such a file from this customer."))
    with place:
        ui.icon("download")
        text(words, "document-name", "span")
