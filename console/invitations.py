"""What a one-time link opens: the first account of a new shop, and choosing a password."""

import asyncio
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Form
from sqlalchemy.orm import Session
from starlette.responses import Response

from console import notices, refusals
from console.language import _
from crm import first_admin, passwords, staff, staff_links
from crm.db import database
from crm.errors import InvalidInput
from crm.first_admin import AdminExists
from crm.models.staff import LinkPurpose, Staff
from crm.settings import settings
from crm.staff_links import LinkSpent

router = APIRouter()


@router.get("/first")
async def first(token: str = "") -> Response:
    """The form for the first account. Looking does not use the link up: link previews look too."""
    if not await asyncio.to_thread(_is_good, LinkPurpose.FIRST, token):
        return _spent()
    return _first_form(token)


@router.post("/first")
async def make_first(
    token: Annotated[str, Form()] = "",
    name: Annotated[str, Form()] = "",
    username: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    again: Annotated[str, Form()] = "",
) -> Response:
    """Makes the owner; with something wrong in the form the link stays good."""

    def work(session: Session) -> object:
        return first_admin.create(session, token, username, name, password)

    return await _answered(
        lambda problem: _first_form(token, name, username, problem),
        work,
        same=password == again,
        done=(_("Your account is ready"), _("Log in with the password that you have just chosen.")),
    )


@router.get("/password")
async def choose(token: str = "") -> Response:
    """The form for a new password."""
    person = await asyncio.to_thread(_person, token)
    return _password_form(token, person) if person is not None else _spent()


@router.post("/password")
async def chosen(
    token: Annotated[str, Form()] = "", password: Annotated[str, Form()] = "", again: Annotated[str, Form()] = ""
) -> Response:
    """Gives the person of the link the password they chose, and logs them out everywhere."""
    person = await asyncio.to_thread(_person, token)
    if person is None:
        return _spent()

    def work(session: Session) -> None:
        link = staff_links.use(session, LinkPurpose.PASSWORD, token)
        mine = session.get_one(Staff, link.staff_id)
        staff.set_password(session, mine, password, mine)

    return await _answered(
        lambda problem: _password_form(token, person, problem),
        work,
        same=password == again,
        done=(_("The password is saved"), _("Log in with the password that you have just chosen.")),
    )


async def _answered(
    form: Callable[[str], Response], work: Callable[[Session], object], *, same: bool, done: tuple[str, str]
) -> Response:
    if not same:
        return form(_("The two passwords are not the same."))
    try:
        await asyncio.to_thread(_write, work)
    except InvalidInput as error:
        return form(refusals.refusal(error))
    except (LinkSpent, AdminExists):
        return _spent()
    return notices.render("notice.html", title=done[0], text=done[1])


def _write(work: Callable[[Session], object]) -> None:
    with database(settings().database_url).begin() as session:
        work(session)


def _is_good(purpose: LinkPurpose, token: str) -> bool:
    with database(settings().database_url).read() as session:
        try:
            return staff_links.look(session, purpose, token) is not None
        except LinkSpent:
            return False


def _person(token: str) -> Staff | None:
    with database(settings().database_url).read() as session:
        try:
            person = session.get(Staff, staff_links.look(session, LinkPurpose.PASSWORD, token).staff_id)
        except LinkSpent:
            return None
        return person if person is not None and person.active else None


def _first_form(token: str, name: str = "", username: str = "", problem: str = "") -> Response:
    values = {"token": token, "name": name, "username": username, "problem": problem}
    return notices.render("first.html", 422 if problem else 200, **values, **_rules())


def _password_form(token: str, person: Staff, problem: str = "") -> Response:
    values = {"token": token, "person": person.name, "username": person.username, "problem": problem}
    return notices.render("password.html", 422 if problem else 200, **values, **_rules())


def _rules() -> dict[str, object]:
    hint = _("At least {n} characters. A sentence you remember is better than something short and complicated.")
    return {"shortest": passwords.SHORTEST, "hint": hint.format(n=passwords.SHORTEST)}


def _spent() -> Response:
    return notices.render(
        "notice.html",
        410,
        title=_("This link is no longer good"),
        text=_("It was used already, or its time ran out. Ask for a new one."),
    )
