"""Logging in and out, and the language switch: plain forms, each answered with a redirect."""

import asyncio
import uuid
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from console import language, notices
from console.doorkeeper import TOKEN
from crm import staff, staff_sessions
from crm.db import database
from crm.settings import settings

router = APIRouter()


@router.get("/login")
def form(request: Request, next: str = "/") -> Response:
    """The log-in form; `next` is where to go afterwards."""
    return notices.render("login.html", next=_within(next), failed=False, username="")


@router.post("/login")
async def log_in(
    request: Request, username: Annotated[str, Form()] = "", password: Annotated[str, Form()] = "", next: str = "/"
) -> Response:
    """Checks the password and begins a new session: whatever cookie the browser had before is worth nothing after."""
    token = await asyncio.to_thread(_begin, username.strip()[:64], password[:200])
    if token is None:
        return notices.render("login.html", 401, next=_within(next), failed=True, username=username[:64])
    chosen = request.session.get("language")
    request.session.clear()
    request.session.update({"id": str(uuid.uuid4()), TOKEN: token})
    if chosen:
        request.session["language"] = chosen
    return RedirectResponse(_within(next), 303)


@router.post("/logout")
async def log_out(request: Request) -> Response:
    """Ends the log-in in the database, so that a copied cookie is dead too."""
    token = request.session.get(TOKEN)
    if token:
        await asyncio.to_thread(_end, token)
    chosen = request.session.get("language")
    request.session.clear()
    if chosen:
        request.session["language"] = chosen
    return RedirectResponse("/login", 303)


@router.post("/language")
def switch(request: Request, to: Annotated[str, Form()], back: Annotated[str, Form()] = "/") -> Response:
    """Changes the language of this browser's session."""
    request.session["language"] = language.chosen(to)
    return RedirectResponse(_within(back), 303)


def _within(target: str) -> str:
    """`target` when it is a path of ours, else the start: a log-in never leads to another site."""
    good = target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable()
    return target if good else "/"


def _begin(username: str, password: str) -> str | None:
    with database(settings().database_url).begin() as session:
        person = staff.verify(session, username, password)
        return staff_sessions.start(session, person) if person else None


def _end(token: str) -> None:
    with database(settings().database_url).begin() as session:
        staff_sessions.end(session, token)
