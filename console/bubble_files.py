"""The attachments of a message: pictures shown, sounds played, everything else to save."""

import htpy as h

from console.language import _
from console.painted import icon
from crm.attachments import PHOTO, VOICE
from crm.threads import File, Line


def draw(line: Line) -> h.Node:
    """All attachments of the message, in their order."""
    return [_file(line, file) for file in line.files]


def _file(line: Line, file: File) -> h.Node:
    if file.kind == PHOTO:
        return _photo(file)
    if file.kind == VOICE:
        return _voice(line, file)
    return _save(line, file, file.name or _("File"))


def _photo(file: File) -> h.Element:
    target = f"/attachments/{file.path}"
    return h.a(".photo", href=target, target="_blank", rel="noopener")[h.img(src=target, alt=_("Photo"))]


def _voice(line: Line, file: File) -> h.Node:
    sound = {"src": f"/attachments/{file.path}", "preload": "none", "aria-label": _("Voice message")}
    return [
        h.div(".voice")[h.audio(sound, controls=True)],
        file.number >= 0 and _save(line, file, file.name or _("Voice message")),
    ]


def _save(line: Line, file: File, words: str) -> h.Element:
    """`title`: nothing that a stranger sent is opened in the page, and it should not be opened lightly at all."""
    warning = _("Save. Open it only if you expect such a file from this customer.")
    target = f"/downloads/{line.id}/{file.number}"
    return h.a(".document", href=target, download=file.name, title=warning)[
        icon("download"), h.span(".document-name")[words]
    ]
