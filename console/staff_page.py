"""The people who work here: a list, adding one, and the link with which a new one chooses a password."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from nicegui import ui
from sqlalchemy.orm import Session

from console import desk, guard, inbox, phrases
from console.desk import act
from console.frame import frame
from console.language import _
from console.pieces import attribute, avatar, box, button, link, moment, pill, symbol, tabs, text
from console.visits import Visit
from crm import second_factor, staff_admin, staff_sessions
from crm.models.staff import Role, Staff


@dataclass(frozen=True)
class Person:
    """One line of the list. `seen`: when they were there last, if they are logged in."""

    staff: Staff
    seen: datetime | None


def sections(chosen: str) -> None:
    """The two pages for those who run the console."""
    tabs([("people", _("People"), "/staff"), ("log", _("Log"), "/audit")], chosen)


@guard.page("/staff")
async def page(visit: Visit) -> None:
    """Everybody, those who may log in first."""
    people = await desk.look(_find)
    with frame(visit, _("People"), await inbox.for_visitor(visit.visitor)):
        with box("tools"):
            sections("people")
            with link("/staff/new", "btn primary"):
                symbol("person_add")
                text(_("Add a person"), tag="span")
        with box("stack"), box("card rows"):
            for person in people:
                _row(person, visit)


@guard.page("/staff/new")
async def new(visit: Visit) -> None:
    """Name, log-in and role; then the link that the person gets."""
    me = await desk.look(lambda session: session.get_one(Staff, visit.visitor.staff_id))
    with frame(visit, _("Add a person"), await inbox.for_visitor(visit.visitor), back=(_("People"), "/staff")):
        place = box("card pad stack narrow")
        with place:
            name = _field(_("Full name"), _("for example Nguyễn Thị Lan"))
            username = _field(_("User name"), _("small letters and digits, for example lan"))
            role = role_choice(staff_admin.roles_for(me), Role.AGENT)

            async def add() -> None:
                def work(session: Session, by: Staff) -> tuple[Staff, str]:
                    return staff_admin.invite(session, by, username.value or "", name.value or "", role.chosen)

                outcome = await act("add_staff", work)
                if outcome and outcome.value:
                    place.clear()
                    with place:
                        _welcome(visit, *outcome.value)

            with box("actions"):
                button(_("Add"), add, "primary", "person_add")
            text(_("You get a link for them, with which they choose their own password. Nobody else knows it."), "hint")


class RoleChoice:
    """The roles as buttons, one of which is pressed."""

    def __init__(self, chosen: Role) -> None:
        self.chosen = chosen
        self.buttons: dict[Role, ui.element] = {}

    def light(self, role: Role) -> None:
        self.chosen = role
        for each, element in self.buttons.items():
            element.classes(add="on") if each is role else element.classes(remove="on")
            attribute(element, aria_pressed="true" if each is role else "false")
        self.hint.text = role_hint(role)

    def build(self, roles: list[Role]) -> None:
        with box(""):
            text(_("Role"), "label")
            with attribute(box("choice"), role="group"):
                for role in roles:
                    element = button(phrases.word(role), partial(self._pressed, role))
                    self.buttons[role] = attribute(element, data_role=role.value)
            self.hint = text("", "hint")
        self.light(self.chosen)

    async def _pressed(self, role: Role) -> None:
        self.light(role)


def role_choice(roles: list[Role], chosen: Role) -> RoleChoice:
    """Draws the choice; its `chosen` is the role."""
    choice = RoleChoice(chosen)
    choice.build(roles)
    return choice


def role_hint(role: Role) -> str:
    """What the role is for."""
    return {
        Role.AGENT: _("Answers customers and settles complaints."),
        Role.LEAD: _("As support staff, and steps in where a deadline is near."),
        Role.MARKETING: _("Writes and sends broadcasts; sees no conversations."),
        Role.ADMIN: _("Sees and does everything, and manages people."),
        Role.OWNER: _("As an administrator; only owners make and change owners."),
    }[role]


def show_link(visit: Visit, token: str) -> None:
    """The link with which a password is chosen, to copy and hand over."""
    base = visit.client.request
    address = f"{base.url.scheme}://{base.url.netloc}/password?token={token}"
    with box("one-link"):
        attribute(text(address, "mono", "code"), data_link="password")

        async def copy() -> None:
            ui.clipboard.write(address)
            ui.notify(_("Copied."), type="positive", position="top")

        button(_("Copy"), copy, "", "content_copy")
    text(
        _("Give it to them yourself. It is good for one day and once; whoever has it can choose the password."), "hint"
    )


def _welcome(visit: Visit, person: Staff, token: str) -> None:
    text(_("{name} is added").format(name=person.name), "section-title", "h3")
    text(_("This link lets {name} choose a password:").format(name=person.name))
    show_link(visit, token)
    with box("actions"):
        with link(f"/staff/{person.id}", "btn"):
            text(_("Open"), tag="span")
        with link("/staff", "btn"):
            text(_("Back to the list"), tag="span")


def _field(words: str, example: str) -> ui.input:
    with box(""):
        text(words, "label")
        return attribute(ui.input(placeholder=example).props("outlined dense").classes("field"), aria_label=words)


def _find(session: Session) -> list[Person]:
    seen = staff_sessions.last_seen(session)
    return [Person(each, seen.get(each.id)) for each in staff_admin.listing(session)]


def _row(person: Person, visit: Visit) -> None:
    staff = person.staff
    with attribute(link(f"/staff/{staff.id}", "entry"), data_staff=staff.username):
        avatar(staff.name)
        with box("row-main"):
            with box("row-head"):
                text(staff.name, "strong", "span")
                pill(phrases.word(staff.role), "info" if staff.role is not Role.AGENT else "")
                if staff.id == visit.visitor.staff_id:
                    pill(_("you"))
                state(staff)
            text(staff.username, "dim mono")
        with box("row-end"):
            if person.seen is not None:
                text(_("last there"), "dim small")
                moment(person.seen)
            else:
                text(_("not logged in"), "dim small")


def state(staff: Staff) -> None:
    """What stands out about an account: shut out, or less safe than it has to be."""
    if not staff.active:
        pill(_("shut out"), "bad")
    elif second_factor.enrolled(staff):
        pill(_("second step"), "good")
    elif second_factor.required(staff):
        pill(_("second step missing"), "warn")
