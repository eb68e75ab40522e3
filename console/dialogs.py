"""A question that must be answered before something happens that cannot be taken back."""

from nicegui import ui

from console.language import _
from console.pieces import attribute, box, button, text


async def confirmed(title: str, words: str, yes: str, kind: str = "primary") -> bool:
    """Asks; True when the person pressed `yes`, False when they pressed anything else or left.

    Call it within the client itself (`with visit.client:`): what the button stands in may be drawn again meanwhile.
    """
    with ui.dialog() as dialog, attribute(box("card pad stack question"), role="alertdialog"):
        text(title, "section-title", "h3")
        text(words, "prose")
        with box("actions ends"):

            async def no() -> None:
                dialog.submit(False)

            async def agreed() -> None:
                dialog.submit(True)

            button(_("Go back"), no)
            button(yes, agreed, kind)
    answer = await dialog
    if not dialog.is_deleted:
        dialog.delete()
    return bool(answer)
