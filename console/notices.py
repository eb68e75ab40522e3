"""Whole pages without NiceGUI: the log-in form and short notices. They need no script and open no socket."""

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, select_autoescape
from nicegui.version import __version__
from starlette.responses import HTMLResponse

from console import language
from console.language import _

FONTS = f"/_nicegui/{__version__}/static/fonts.css"
_pages = Environment(loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=select_autoescape())


def render(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """The template in the reader's language; every value is escaped."""
    code = language.current()
    other = "en" if code == "vi" else "vi"
    words = {"fonts": FONTS, "_": _, "language": code, "other": other, "other_name": language.LANGUAGES[other]}
    page = _pages.get_template(template).render(**words, **values)
    return HTMLResponse(page, status, headers={"Cache-Control": "no-store"})


def query(**values: str) -> str:
    """The values as the part of an address after its question mark."""
    return urlencode(values)


def not_found() -> HTMLResponse:
    """What was asked for does not exist."""
    return render("notice.html", 404, title=_("Not found"), text=_("There is nothing at this address (any more)."))


def denied() -> HTMLResponse:
    """The person is logged in and has no right to this page."""
    return render(
        "notice.html",
        403,
        title=_("Not for your role"),
        text=_("Your account has no right to this page. Ask an administrator if you need it."),
    )


def trouble() -> HTMLResponse:
    """Something broke while the page was built; the log says what."""
    return render(
        "notice.html",
        500,
        title=_("Something went wrong"),
        text=_(
            "The page could not be shown. Please try again; if it happens again, tell the person who runs the system."
        ),
    )
