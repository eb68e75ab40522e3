"""Pages that are over give their memory back at once, and nobody waits for it.

Python's collector looks through every object of every open page, a million at size, and stops all of the staff for
half a second meanwhile. So pages are let go by their counts alone, and the collector comes seldom, for what is left.
"""

import gc

from nicegui import Client, app

LOOK_EVERY_S = 0.25  # NiceGUI's own ten seconds forget dozens of pages at once
UNUSED_S = 30.0  # a page that no browser has taken up by then, as of programs that read it; NiceGUI's own: 60
COLLECTOR = (2_000, 10, 20)  # small steps: what is left is freed before it takes a second


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
    """Takes what a page would call from all its parts: through it they hold each other, and some of them themselves.

    Whoever wanted to hear of the end of the page has heard by now.
    """
    _silence(client)
    for element in client.elements.values():
        for part in (element, element.classes, element.style, element.props):
            _silence(part)


def _silence(part: object) -> None:
    for name, handlers in vars(part).items():
        if name.endswith("_handlers") and isinstance(handlers, list):
            handlers.clear()
