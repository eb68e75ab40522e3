"""The keys of the inbox, told by the key ?; what they do is in static/inbox.js."""

from nicegui import ui

from console.language import _
from console.pieces import attribute, box, symbol, text


def button() -> None:
    """A button that shows the keys."""
    help_button = attribute(box("icon-btn", "button"), type="button", data_do="keys")
    with attribute(help_button, title=_("Keys (?)"), aria_label=_("Keys (?)")):
        symbol("keyboard")
    help_button.on("click", _show)


def _show() -> None:
    with ui.dialog() as dialog, attribute(box("card pad stack question"), role="dialog", aria_label=_("Keys")):
        text(_("Keys"), "section-title", "h3")
        with box("inbox-keys", "dl"):
            for keys, words in _keys():
                with box("", "dt"):
                    for key in keys.split():
                        text(key, tag="kbd")
                text(words, tag="dd")
    dialog.on("hide", dialog.delete)
    dialog.open()


def _keys() -> list[tuple[str, str]]:
    return [
        ("j k ↓ ↑", _("next and previous line")),
        ("Enter", _("open the conversation")),
        ("c", _("take the conversation")),
        ("a", _("give it to a colleague")),
        ("1 2 3 4 5", _("the queues")),
        ("/", _("search; Esc leaves the field")),
        ("n p", _("next page, back to the first")),
        ("?", _("these keys")),
    ]
