"""Logging in and out, in one step or two, and the language switch: plain forms, each answered with a redirect."""

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import APIRouter, Form, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from console import cookies, language, notices, pictures
from console.doorkeeper import TOKEN
from crm import dealing, second_factor, staff, staff_links, staff_sessions
from crm.db import database
from crm.errors import IllegalTransition
from crm.login_waits import Origin
from crm.models.staff import LinkPurpose, Staff
from crm.settings import settings
from crm.staff_links import LinkSpent

router = APIRouter()
PENDING = "pending"  # in the session between the password and the second step
_LONGEST_NAME, _LONGEST_PASSWORD, _LONGEST_CODE = 64, 200, 32
Found = TypeVar("Found")


@dataclass(frozen=True)
class Step:
    """What a try to log in came to. One of the tokens is set: `token` is a log-in, `pending` needs the second step."""

    person: Staff
    token: str = ""
    pending: str = ""
    codes: tuple[str, ...] = ()


@router.get("/login")
def form(next: str = "/") -> Response:
    """The log-in form; `next` is where to go afterwards."""
    return notices.render("login.html", next=within(next), failed=False, username="")


@router.post("/login")
async def log_in(
    request: Request, username: Annotated[str, Form()] = "", password: Annotated[str, Form()] = "", next: str = "/"
) -> Response:
    """Checks the password. Who has a second step goes on to it; everybody else is in."""
    name = username.strip()[:_LONGEST_NAME]
    origin = cookies.origin_of(request, name)
    step = await _within_transaction(lambda session: _try_password(session, name, password, origin))
    if step is None:
        return notices.render("login.html", 401, next=within(next), failed=True, username=name)
    if step.token:
        return _enter(request, step, RedirectResponse(within(next), 303))
    _renew(request, {PENDING: step.pending})
    path = "/login/code" if second_factor.enrolled(step.person) else "/login/setup"
    return RedirectResponse(f"{path}?{notices.query(next=within(next))}", 303)


@router.get("/login/code")
async def code_form(request: Request, next: str = "/") -> Response:
    """Asks for the code from the phone."""
    person = await _person(request)
    if person is None or not second_factor.enrolled(person):
        return RedirectResponse("/login", 303)
    return notices.render("code.html", next=within(next), failed=False)


@router.post("/login/code")
async def check_code(request: Request, code: Annotated[str, Form()] = "", next: str = "/") -> Response:
    """The second step: a right code, from the phone or a recovery code, is a log-in."""
    person = await _person(request)
    if person is None:
        return RedirectResponse("/login", 303)
    pending, origin = str(request.session[PENDING]), cookies.origin_of(request, person.username)
    step = await _second(lambda session: _try_code(session, pending, code[:_LONGEST_CODE], origin))
    if step is None:
        return notices.render("code.html", 401, next=within(next), failed=True)
    return _enter(request, step, RedirectResponse(within(next), 303))


@router.get("/login/setup")
async def setup_form(request: Request, next: str = "/") -> Response:
    """For those whose role needs a second step and who have none yet: the picture that the phone reads."""
    person = await _person(request)
    if person is None or second_factor.enrolled(person):
        return RedirectResponse("/login", 303)
    return _setup(person, next)


@router.post("/login/setup")
async def check_setup(request: Request, code: Annotated[str, Form()] = "", next: str = "/") -> Response:
    """A first right code ends the setting up: logged in, and the recovery codes are shown this once."""
    person = await _person(request)
    if person is None or second_factor.enrolled(person):
        return RedirectResponse("/login", 303)
    pending, origin = str(request.session[PENDING]), cookies.origin_of(request, person.username)
    step = await _second(lambda session: _try_setup(session, pending, code[:_LONGEST_CODE], origin))
    if step is None:
        return _setup(person, next, 401)
    return _enter(request, step, notices.render("codes.html", next=within(next), codes=step.codes))


@router.post("/logout")
async def log_out(request: Request) -> Response:
    """Ends the log-in in the database, so that a copied cookie is dead too."""
    token = request.session.get(TOKEN)
    if token:
        await _within_transaction(lambda session: staff_sessions.end(session, token))
    _renew(request, {})
    return RedirectResponse("/login", 303)


@router.post("/language")
async def switch(request: Request, to: Annotated[str, Form()], back: Annotated[str, Form()] = "/") -> Response:
    """Changes the language of this browser's session, and of the person's next log-ins."""
    chosen = request.session["language"] = language.chosen(to)
    token = request.session.get(TOKEN)
    if token:
        await _within_transaction(lambda session: _keep_language(session, token, chosen))
    return RedirectResponse(within(back), 303)


def within(target: str) -> str:
    """`target` when it is a path of ours, else the start: a log-in never leads to another site."""
    good = target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable()
    return target if good else "/"


def _setup(person: Staff, next: str, status: int = 200) -> Response:
    picture = pictures.qr(second_factor.uri(person))
    values = {"picture": picture, "secret": pictures.spelled(person.totp_secret or ""), "failed": status != 200}
    return notices.render("setup.html", status, next=within(next), **values)


def _enter(request: Request, step: Step, response: Response) -> Response:
    """Begins a new session: whatever cookie the browser had before is worth nothing after."""
    _renew(request, {"id": str(uuid.uuid4()), TOKEN: step.token})
    if step.person.language:
        request.session["language"] = step.person.language
    cookies.remember(request, response, step.person.username)
    return response


def _renew(request: Request, values: dict[str, str]) -> None:
    """Empties the session but for the language, and puts `values` in."""
    chosen = request.session.get("language")
    request.session.clear()
    request.session.update(values)
    if chosen:
        request.session["language"] = chosen


async def _person(request: Request) -> Staff | None:
    """Who gave the password a moment ago in this browser."""
    pending = request.session.get(PENDING)
    return await asyncio.to_thread(_look_up, str(pending)) if pending else None


def _look_up(pending: str) -> Staff | None:
    with database(settings().database_url).read() as session:
        try:
            return _pending_person(session, pending)
        except LinkSpent:
            return None


def _try_password(session: Session, username: str, password: str, origin: Origin) -> Step | None:
    person = staff.verify(session, username, password[:_LONGEST_PASSWORD], origin)
    if person is None:
        return None
    enrolled = second_factor.enrolled(person)
    if not enrolled and not second_factor.required(person):
        return Step(person, _come_in(session, person, origin))
    if not enrolled:
        second_factor.prepare(person)
    return Step(person, pending=staff_links.give(session, LinkPurpose.SECOND_STEP, person.id))


def _try_code(session: Session, pending: str, code: str, origin: Origin) -> Step | None:
    person = _pending_person(session, pending)
    if person is None or not second_factor.check(session, person, code, origin):
        return None
    staff_links.use(session, LinkPurpose.SECOND_STEP, pending)
    return Step(person, _come_in(session, person, origin))


def _try_setup(session: Session, pending: str, code: str, origin: Origin) -> Step | None:
    person = _pending_person(session, pending)
    codes = second_factor.confirm(session, person, code, origin) if person is not None else []
    if person is None or not codes:
        return None
    staff_links.use(session, LinkPurpose.SECOND_STEP, pending)
    return Step(person, _come_in(session, person, origin), codes=tuple(codes))


def _come_in(session: Session, person: Staff, origin: Origin) -> str:
    """Their session; who is on duty is given what waits for somebody."""
    token = staff_sessions.start(session, person, origin)
    dealing.deal_waiting(session)
    return token


def _keep_language(session: Session, token: str, chosen: str) -> None:
    person = staff_sessions.staff_of(session, token)
    if person is not None:
        person.language = chosen


def _pending_person(session: Session, pending: str) -> Staff | None:
    link = staff_links.look(session, LinkPurpose.SECOND_STEP, pending)
    person = session.get(Staff, link.staff_id)
    return person if person is not None and person.active else None


async def _second(work: Callable[[Session], Step | None]) -> Step | None:
    """A second step; None also where another try used the same password's one chance a moment before."""
    try:
        return await _within_transaction(work)
    except (LinkSpent, IllegalTransition):
        return None


async def _within_transaction(work: Callable[[Session], Found]) -> Found:
    def run() -> Found:
        with database(settings().database_url).begin() as session:
            return work(session)

    return await asyncio.to_thread(run)
