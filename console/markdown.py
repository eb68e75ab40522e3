"""Markdown as a customer's answer is written in it, shown as it reads. What staff write is never trusted as HTML."""

from functools import lru_cache

import nh3
from markdown_it import MarkdownIt
from nicegui import ui

_TAGS = {"p", "ul", "ol", "li", "strong", "em", "h2", "h3", "code", "pre", "br", "blockquote", "a", "hr"}


@lru_cache(maxsize=1)
def _reader() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False})


def html_of(source: str) -> str:
    """`source` as HTML with nothing in it but text, lists, headings, emphasis and links of http(s)."""
    return nh3.clean(_reader().render(source), tags=_TAGS, attributes={"a": {"href"}}, url_schemes={"http", "https"})


def markdown(classes: str) -> ui.html:
    """An element whose `content` is Markdown."""
    return ui.html("", sanitize=html_of).classes(classes)
