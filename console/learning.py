"""The three pages on which the assistant learns share one row of tabs."""

from console.access import PAGES
from console.language import _
from console.pieces import tabs
from console.visits import Visit


def learning_tabs(visit: Visit, here: str) -> None:
    """The tabs of the pages that this person may see; `here` is the path of the one that is open."""
    every = [
        ("/review", _("Not understood")),
        ("/articles", _("Knowledge")),
        ("/training", _("Models")),
    ]
    tabs([(path, words, path) for path, words in every if visit.visitor.role in PAGES[path]], here)
