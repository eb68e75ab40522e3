"""The whole web application: layers, plain routes, pages."""

from collections.abc import Callable
from importlib import import_module

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.staticfiles import StaticFiles
from nicegui import app as nicegui_app
from nicegui import background_tasks, helpers, ui
from nicegui.classes import Classes
from nicegui.props import Props
from nicegui.style import Style
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response

from console import (
    attachments,
    audit,
    broadcast_deliveries,
    forgetting,
    guard,
    import_page,
    invitations,
    language,
    login,
    metrics,
    notices,
    privacy_files,
    queue,
    watch,
)
from console.api import app as api
from console.body_limit import BodyLimit
from console.cookies import Sessions
from console.doorkeeper import Doorkeeper, Headers
from console.frame import STATIC
from console.pulse import pulse
from crm.settings import settings

GZIP_LEVEL = 4  # a page a tenth larger than at 9, in a third of the time
BRAND = "#0e6e62"  # --brand of console.css: for what NiceGUI's own elements fill
TOASTS = {"positive": "#1a7443", "negative": "#b3261e", "info": "#1d5b99"}  # white words are read on each


def create() -> FastAPI:
    """Everything wired. To be called once a process: NiceGUI keeps its pages globally."""
    import_module("console.pages")  # registers every page with NiceGUI
    application = FastAPI(title="Tri Ân", docs_url=None, redoc_url=None, openapi_url=None)
    plain = (login, invitations, audit, watch, metrics, attachments, broadcast_deliveries, queue, privacy_files)
    for module in (*plain, import_page):
        application.include_router(module.router)
    application.mount("/static", StaticFiles(directory=STATIC))
    application.mount(api.BELOW, api.create())
    _ = settings().second_factor_rule  # says now what cannot be
    secret = settings().derived_secret("console session")
    # The layer added last is the outermost: headers, then the session cookie, then the doorkeeper.
    application.add_middleware(BodyLimit)
    application.add_middleware(Doorkeeper)
    application.add_middleware(Sessions, secret=secret)
    application.add_middleware(Headers)
    _wire_nicegui(application)
    return application


def _remember_signatures() -> None:
    """With each element NiceGUI asks for the signatures of three methods, which took a third of a page's time.

    They expect nothing besides themselves.
    """
    ask = helpers.expects_arguments
    known = frozenset(kind._update for kind in (Classes, Props, Style))

    def expects_arguments(func: Callable[..., object]) -> bool:
        return getattr(func, "__func__", None) not in known and ask(func)

    helpers.expects_arguments = expects_arguments


def _wire_nicegui(application: FastAPI) -> None:
    _remember_signatures()
    language.translate_nicegui()
    guard.install_event_gate()
    nicegui_app.add_exception_handler(404, _not_found)
    nicegui_app.add_exception_handler(RequestValidationError, _not_found)
    nicegui_app.add_exception_handler(Exception, _trouble)
    nicegui_app.colors(primary=BRAND, **TOASTS)
    nicegui_app.config.quasar_config["loadingBar"]["skipHijack"] = True  # what waits shows so itself, and has a name
    nicegui_app.on_startup(lambda: background_tasks.create(pulse.run(), name="pulse"))
    forgetting.install()
    ui.run_with(
        application,
        title="Tri Ân",
        favicon=STATIC / "mark.svg",
        tailwind=False,
        dark=None,  # as the person's system has it
        reconnect_timeout=10,
        show_welcome_message=False,
        gzip_middleware_factory=lambda app: GZipMiddleware(app, compresslevel=GZIP_LEVEL),
    )


async def _not_found(_request: Request, _error: Exception) -> Response:
    return notices.not_found()


async def _trouble(_request: Request, _error: Exception) -> Response:
    return notices.trouble()
