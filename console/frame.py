"""The frame around every page: navigation with live counts, the title, language and log-out."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nicegui import ui

from console import broadcast_watch, duty, inbox_alerts, language, notices_bell, phrases
from console.access import PAGES
from console.inbox import Inbox
from console.language import _
from console.pieces import attribute, avatar, box, link, symbol, text
from console.visits import Visit

PRODUCT = "Tri Ân"
STATIC = Path(__file__).parent / "static"
# The scales and the parts that every page has come first.
SHEETS = ("console.css", *sorted(path.name for path in STATIC.glob("*.css") if path.name != "console.css"))


@contextmanager
def frame(visit: Visit, title: str, waiting: Inbox | None, back: tuple[str, str] | None = None) -> Iterator[ui.element]:
    """Draws the frame; the page's content goes inside.

    Args:
        waiting: the queue as it is now, for those who may see it; its count stands in the navigation and the title.
        back: (words, target) of the page above this one.
    """
    for sheet in SHEETS:
        ui.add_head_html(f'<link rel="stylesheet" href="/static/{sheet}">')
    with box("app"):
        with box("side", "aside"):
            badge = _navigation(visit)
        with box("main"):
            with box("top", "header"):
                with box("top-title"):
                    if back is not None:
                        with attribute(link(back[1], "back"), title=back[0], aria_label=back[0]):
                            symbol("arrow_back")
                    text(title, tag="h1")
                with box("top-end"):
                    if waiting is not None and waiting.mine is not None:
                        duty.Duty(waiting.mine.present)
                    notices_bell.attach(visit)
                    _switch(visit)
            with box("body", "main") as body:
                yield body
    if waiting is not None:
        inbox_alerts.attach(visit, f"{title} · {PRODUCT}", badge, waiting)
    else:
        ui.page_title(f"{title} · {PRODUCT}")


def _navigation(visit: Visit) -> ui.element:
    with attribute(link("/", "brand"), aria_label=PRODUCT):
        attribute(box("mark", "img"), src="/static/mark.svg", alt="")
        text(PRODUCT, tag="span")
    badge = box("badge hidden", "span")
    with attribute(box("nav", "nav"), aria_label=_("Main navigation")):
        for path, icon, words in _entries():
            if visit.visitor.role in PAGES[path]:
                with link(path, "nav-item on" if _is_here(visit, path) else "nav-item") as entry:
                    attribute(entry, title=words)
                    symbol(icon)
                    text(words, tag="span")
                if path == "/inbox":
                    badge.move(entry)
                if path == "/broadcasts":
                    broadcast_watch.attach(visit, entry)
    with box("who"):
        with attribute(link("/account", "who-link"), title=_("My account"), aria_label=_("My account")):
            avatar(visit.visitor.name)
            with box("who-words"):
                text(visit.visitor.name, "who-name")
                text(phrases.word(visit.visitor.role), "dim small")
        with attribute(box("", "form"), method="post", action="/logout"):
            out = attribute(box("icon-btn", "button"), type="submit", title=_("Log out"), aria_label=_("Log out"))
            with out:
                symbol("logout")
    return badge


def _entries() -> list[tuple[str, str, str]]:
    return [
        ("/", "home", _("Today")),
        ("/inbox", "forum", _("Inbox")),
        ("/complaints", "flag", _("Complaints")),
        ("/promises", "handshake", _("Promises")),
        ("/customers", "people", _("Customers")),
        ("/privacy", "policy", _("Personal data")),
        ("/broadcasts", "campaign", _("Broadcasts")),
        ("/review", "school", _("The assistant learns")),
        ("/staff", "admin_panel_settings", _("People")),
        ("/integrations", "hub", _("Connections")),
    ]


def _is_here(visit: Visit, path: str) -> bool:
    if path == "/":
        return visit.path == "/"
    if path == "/integrations" and visit.path.startswith("/imports"):
        return True
    if path == "/staff" and visit.path == "/audit":
        return True
    return visit.path.startswith(path) or (path == "/inbox" and visit.path.startswith("/conversations"))


def _switch(visit: Visit) -> None:
    with attribute(box("switch", "form"), method="post", action="/language"):
        attribute(box("", "input"), type="hidden", name="back", value=visit.client.request.url.path)
        for code, name in language.LANGUAGES.items():
            chosen = code == language.current()
            option = attribute(
                text(code.upper(), "on" if chosen else "", "button"), type="submit", name="to", value=code
            )
            attribute(option, title=name, aria_label=name)
