"""The parts of pages that hear no events, as HTML: a list of fifty lines is one element, where it would be a thousand.

What is put between two tags or into an attribute is escaped by htpy; no function here takes HTML.
"""

from collections.abc import Callable, Hashable
from datetime import datetime

import htpy as h
from markupsafe import Markup
from nicegui import ui

from console import language, phrases
from crm.text import given_name

REMEMBERED = 4096
_drawn: dict[tuple[str, Hashable], Markup] = {}


def paint(content: h.Node, classes: str = "", tag: str = "div") -> ui.html:
    """An element that shows `content` as it is now."""
    return ui.html(str(h.fragment[content]), sanitize=False, tag=tag).classes(classes)


def repaint(element: ui.html, content: h.Node) -> None:
    """Shows `content` instead of what the element showed."""
    element.set_content(str(h.fragment[content]))


def once(what: Hashable, draw: Callable[[], h.Node]) -> Markup:
    """What `draw` draws, drawn once for all who see the same in one language: a list is mostly what others saw too.

    Args:
        what: everything that the drawing depends on, besides the language.
    """
    key = (language.current(), what)
    drawn = _drawn.pop(key, None) or Markup(h.fragment[draw()])
    _drawn[key] = drawn
    if len(_drawn) > REMEMBERED:
        _drawn.pop(next(iter(_drawn)))  # the one that nobody has seen for the longest time
    return drawn


def icon(name: str) -> h.Element:
    """A Material icon, in the words of Quasar's own."""
    return h.i(".q-icon.notranslate.material-icons", aria_hidden="true", role="presentation")[name]


def pill(words: str, tone: str = "") -> h.Element:
    """A state in a word. `tone`: good, warn, bad, info or nothing."""
    return h.span(class_=f"pill {tone}".strip())[words]


def avatar(name: str) -> h.Element:
    """The first letter of the name the person is called by, which in Vietnamese is the last one."""
    return h.div(".avatar")[given_name(name)[:1].upper() or "?"]


def moment(at: datetime, classes: str = "dim") -> h.Element:
    """A time as people read it; the full date shows on hover."""
    return h.time(class_=classes, title=phrases.full_time(at), datetime=at.isoformat())[phrases.when(at)]
