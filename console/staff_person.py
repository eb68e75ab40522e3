"""One person of the staff: role, name, log-ins, second step; shut out and let in again."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from nicegui import ui
from sqlalchemy.orm import Session

from console import desk, devices, guard, inbox, phrases
from console.desk import act
from console.dialogs import confirmed
from console.frame import frame
from console.language import _
from console.pieces import Canvas, attribute, avatar, box, button, fact, link, moment, pill, section, symbol, text
from console.staff_page import role_choice, show_link, state
from console.visits import Visit
from crm import availability, second_factor, staff_admin, staff_sessions
from crm.models.staff import Role, Staff, StaffSession

Again = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class About:
    """The person, what the one at the screen may do, and where the person is logged in."""

    staff: Staff
    changeable: bool
    roles: list[Role]
    sessions: list[StaffSession]
    capacity: int | None
    codes: int


@guard.page("/staff/{staff_id:int}")
async def page(visit: Visit, staff_id: int) -> None:
    """Everything about one person."""
    about = await desk.look(lambda session: _read(session, visit, staff_id))
    with frame(visit, about.staff.name, await inbox.for_visitor(visit.visitor), back=(_("People"), "/staff")):
        place = Canvas("panels")

    async def again() -> None:
        draw(await desk.look(lambda session: _read(session, visit, staff_id)))

    def draw(now: About) -> None:
        place.show(_shown(now), lambda: _draw(visit, now, again))

    draw(about)


def _read(session: Session, visit: Visit, staff_id: int) -> About:
    person, me = staff_admin.get(session, staff_id), session.get_one(Staff, visit.visitor.staff_id)
    return About(
        person,
        staff_admin.may_change(me, person),
        staff_admin.roles_for(me),
        staff_sessions.of(session, staff_id),
        availability.look(session, staff_id).capacity,
        second_factor.codes_left(session, staff_id),
    )


def _shown(about: About) -> object:
    staff, sessions = about.staff, [(each.token_hash, each.last_seen_at) for each in about.sessions]
    return staff.name, staff.role, staff.active, staff.totp_since, sessions, about.capacity, about.codes


def _draw(visit: Visit, about: About, again: Again) -> None:
    with box("stack"):
        with box("card pad stack"):
            _head(about)
            if not about.changeable:
                own = about.staff.id == visit.visitor.staff_id
                hint = _("This is you: your own role is changed by somebody else.") if own else _("Only owners may.")
                text(hint, "hint")
                if own:
                    with box("actions"), link("/account", "btn"):
                        text(_("My account"), tag="span")
        if about.changeable:
            with box("card pad stack"):
                _identity(about, again)
            if availability.may_hold(about.staff):
                with box("card pad stack"):
                    _capacity(about, again)
    with box("stack"):
        with box("card pad stack"):
            _way_in(visit, about, again)
        with box("card pad stack"):
            _sessions(about, again)


def _head(about: About) -> None:
    staff = about.staff
    with box("row-head person-head"):
        avatar(staff.name, "large")
        with box(""):
            text(staff.name, "strong")
            text(staff.username, "dim mono")
    with box("row-head"):
        pill(phrases.word(staff.role), "info")
        state(staff)
    fact(_("Added"), phrases.day(staff.created_at))
    with box("actions"), link(f"/audit?person={staff.id}", "btn"):
        symbol("history")
        text(_("What they did"), tag="span")


def _identity(about: About, again: Again) -> None:
    staff = about.staff
    with section(_("Name and role"), "stack"):
        name = ui.input(value=staff.name).props("outlined dense maxlength=200").classes("field")
        attribute(name, aria_label=_("Full name"))
        choice = role_choice(about.roles, staff.role)

        async def save() -> None:
            if choice.chosen is not staff.role and not await confirmed(
                _("Change the role of {name}?").format(name=staff.name),
                _("They are logged out everywhere and log in again as: {role}.").format(
                    role=phrases.word(choice.chosen)
                ),
                _("Change the role"),
            ):
                return
            if (name.value or "").strip() != staff.name:
                await act("rename_staff", lambda s, by: staff_admin.rename(s, by, staff.id, name.value or ""))
            if choice.chosen is not staff.role:
                await act("change_role", lambda s, by: staff_admin.change_role(s, by, staff.id, choice.chosen))
            await again()

        with box("actions"):
            button(_("Save"), save, "primary", "save")


def _capacity(about: About, again: Again) -> None:
    with section(_("How many conversations at once"), "stack"):
        text(
            _("When conversations are given out in turn, they get no more than this. Empty: as the shop has it."),
            "hint",
        )
        most = ui.number(value=about.capacity, min=0, max=100, precision=0).props("outlined dense clearable")
        attribute(most.classes("short-field"), aria_label=_("How many conversations at once"))

        async def save() -> None:
            wanted = int(most.value) if most.value is not None else None
            await act("set_capacity", lambda s, by: availability.set_capacity(s, about.staff.id, wanted, by))
            await again()

        with box("actions"):
            button(_("Save the number"), save, "", "save")


def _way_in(visit: Visit, about: About, again: Again) -> None:
    staff = about.staff
    with section(_("Getting in"), "stack"):
        text(_second_step_words(about))
        place = box("stack")
        if not about.changeable:
            return

        async def new_link() -> None:
            outcome = await act("password_link", lambda s, by: staff_admin.password_link(s, by, staff.id))
            if outcome and outcome.value:
                place.clear()
                with place:
                    show_link(visit, outcome.value)

        async def forget() -> None:
            if await confirmed(
                _("Take the second step of {name} away?").format(name=staff.name),
                _("For a lost phone. Make sure that it is really them who asks. They set it up anew when they log in."),
                _("Take the second step away"),
            ):
                await act("forget_second_step", lambda s, by: staff_admin.forget_second_factor(s, by, staff.id))
                await again()

        with box("actions"):
            if staff.active:
                button(_("Link for a new password"), new_link, "", "key")
            if second_factor.enrolled(staff):
                button(_("Phone lost"), forget, "", "phonelink_erase")
            _door(about, again)


def _second_step_words(about: About) -> str:
    if not about.staff.active:
        return _("This account is shut out.")
    if second_factor.enrolled(about.staff):
        return _("Password and a code from the phone; {n} recovery codes left.").format(n=about.codes)
    if second_factor.required(about.staff):
        return _("Password; the code from the phone is set up at the next log-in.")
    return _("Password only.")


def _door(about: About, again: Again) -> None:
    staff = about.staff

    async def shut() -> None:
        if await confirmed(
            _("Shut {name} out?").format(name=staff.name),
            _("They are logged out at once and cannot log in any more. What they did stays on record."),
            _("Shut out"),
            "danger",
        ):
            await act("disable_staff", lambda s, by: staff_admin.disable(s, by, staff.id))
            await again()

    async def let_in() -> None:
        await act("enable_staff", lambda s, by: staff_admin.enable(s, by, staff.id))
        await again()

    if staff.active:
        button(_("Shut out"), shut, "danger", "block")
    else:
        button(_("Let in again"), let_in, "primary", "lock_open")


def _sessions(about: About, again: Again) -> None:
    async def end(token_hash: str | None) -> None:
        await act("end_sessions", lambda s, by: staff_admin.end_session(s, by, about.staff.id, token_hash))
        await again()

    with section(_("Logged in on"), "stack"):
        session_rows(about.sessions, end if about.changeable else None)
        if about.changeable and len(about.sessions) > 1:
            with box("actions"):
                button(_("Log out everywhere"), lambda: end(None), "danger", "logout")


def session_rows(
    sessions: list[StaffSession], end: Callable[[str], Awaitable[None]] | None, here: StaffSession | None = None
) -> None:
    """The browsers somebody is logged in with; `end` gets the one that shall be logged out."""
    if not sessions:
        text(_("Nowhere just now."), "dim")
    for each in sessions:
        with box("device"):
            symbol(devices.icon(each.device))
            with box("row-main"):
                text(devices.words(each.device), "strong")
                text(each.address, "dim small mono")
            if each is here:
                pill(_("this browser"), "good")
            with box("row-end"):
                text(_("last there"), "dim small")
                moment(each.last_seen_at)
            if end is not None and each is not here:
                button(_("Log out"), partial(end, each.token_hash), "", "logout")
