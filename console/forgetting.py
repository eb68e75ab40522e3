"""Pages that are over give their memory back at once, and nobody waits for it.

Python's collector looks through every object of every open page, a million at size, and stops all of the staff for
half a second meanwhile. So pages are let go by their counts alone, and the collector comes seldom, for what is left.
"""

import gc

from nicegui import Client, app

LOOK_EVERY_S = 0.25  # NiceGUI's own ten seconds forget dozens of pages at once
UNUSED_S = 30.0  # a page that no browser has taken up by then, as of programs that read it; NiceGUI's own: 60
COLLECTOR = (2_000, 10, 100)  # small steps, and all objects once in some minutes


def install() -> None:
    """To be called once, before NiceGUI starts."""
    app.on_startup(_collect_seldom)
    app.on_delete(_untie)
    app.timer(LOOK_EVERY_S, lambda: Client.prune_instances(client_age_threshold=UNUSED_S))


def _collect_seldom() -> None:
    gc.collect()
    gc.freeze()  # what is there from the start stays to the end
    gc.set_threshold(*COLLECTOR)


def _untie(client: Client) -> None:
    """An element's classes, style and props each hold a method of their own, and so themselves."""
    for element in client.elements.values():
        for own in (element.classes, element.style, element.props):
            own._change_handlers.clear()
