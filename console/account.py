"""My account: my password, my second step, where I am logged in, and what I like to hear."""

from dataclasses import dataclass

from nicegui import ui
from sqlalchemy.orm import Session

from console import cookies, desk, guard, inbox, phrases
from console.account_second_step import SecondStep
from console.desk import act
from console.frame import frame
from console.language import _
from console.pieces import Canvas, attribute, avatar, box, button, fact, pill, section, text
from console.staff_person import session_rows
from console.visits import Visit
from crm import availability, passwords, staff, staff_sessions
from crm.models.staff import Staff, StaffSession


@dataclass(frozen=True)
class Mine:
    """My own row, my log-ins, and my wishes about the inbox."""

    me: Staff
    sessions: list[StaffSession]
    sound: bool
    badge: bool


@guard.page("/account")
async def page(visit: Visit) -> None:
    """Everything that a person changes about themselves."""
    mine = await desk.look(lambda session: _read(session, visit))
    with frame(visit, _("My account"), await inbox.for_visitor(visit.visitor)), box("panels"):
        with box("stack"):
            with box("card pad stack"):
                _head(mine)
            with box("card pad stack"):
                _password(visit)
            if availability.may_hold(mine.me):
                with box("card pad stack"):
                    _wishes(mine)
        with box("stack"):
            with box("card pad stack"):
                await SecondStep(visit).build()
            with box("card pad stack"):
                _sessions(visit, mine)


def _read(session: Session, visit: Visit) -> Mine:
    number = visit.visitor.staff_id
    place = availability.look(session, number)
    return Mine(session.get_one(Staff, number), staff_sessions.of(session, number), place.sound, place.badge)


def _head(mine: Mine) -> None:
    with box("row-head person-head"):
        avatar(mine.me.name, "large")
        with box(""):
            text(mine.me.name, "strong")
            text(mine.me.username, "dim mono")
    with box("row-head"):
        pill(phrases.word(mine.me.role), "info")
    fact(_("Added"), phrases.day(mine.me.created_at))
    text(_("The language is switched at the top of each page; it is kept for your next log-in."), "hint")


def _password(visit: Visit) -> None:
    with section(_("Password"), "stack"):
        old = _secret(_("Password now"), "current-password")
        new = _secret(_("New password"), "new-password")
        again = _secret(_("New password again"), "new-password")
        rule = _("At least {n} characters. A sentence you remember is better than something short and complicated.")
        text(rule.format(n=passwords.SHORTEST), "hint")

        async def change() -> None:
            if (new.value or "") != (again.value or ""):
                _say(_("The two passwords are not the same."), "negative")
                return
            origin = cookies.origin_of(visit.client.request, await _username(visit))

            def work(session: Session, me: Staff) -> bool:
                keep = visit.visitor.token
                return staff.change_own_password(session, me, old.value or "", new.value or "", origin, keep)

            outcome = await act("own_password", work)
            if outcome and outcome.value:
                for field in (old, new, again):
                    field.value = ""
                _say(_("The password is changed. You are logged out everywhere else."), "positive")
            elif outcome:
                _say(_("The password now is not right. After several wrong tries you have to wait."), "negative")

        with box("actions"):
            button(_("Change the password"), change, "primary", "key")


async def _username(visit: Visit) -> str:
    return await desk.look(lambda session: session.get_one(Staff, visit.visitor.staff_id).username)


def _secret(words: str, autocomplete: str) -> ui.input:
    with box(""):
        text(words, "label")
        field = ui.input(password=True, password_toggle_button=True).props("outlined dense").classes("field")
        field.props["autocomplete"] = autocomplete
        attribute(field, aria_label=words)
    return field


def _wishes(mine: Mine) -> None:
    with section(_("When a message comes"), "stack"):
        sound = ui.switch(_("Play a sound"), value=mine.sound)
        badge = ui.switch(_("Show the number of those who wait in the tab's title"), value=mine.badge)

        async def save() -> None:
            heard, shown = bool(sound.value), bool(badge.value)
            await act("own_settings", lambda s, me: availability.prefer(s, me.id, sound=heard, badge=shown))

        sound.on_value_change(save)
        badge.on_value_change(save)


def _sessions(visit: Visit, mine: Mine) -> None:
    with section(_("Logged in on"), "stack"):
        place = Canvas("stack")

        async def end(token_hash: str) -> None:
            await act("own_sessions", lambda s, me: staff_sessions.end_one(s, me.id, token_hash))
            await again()

        async def others() -> None:
            await act("own_sessions", lambda s, me: staff_sessions.end_others(s, me.id, visit.visitor.token))
            await again()

        async def again() -> None:
            draw((await desk.look(lambda session: _read(session, visit))).sessions)

        def draw(sessions: list[StaffSession]) -> None:
            here = next((each for each in sessions if staff_sessions.is_of(each, visit.visitor.token)), None)
            key = [(each.token_hash, each.last_seen_at) for each in sessions]
            place.show(key, lambda: session_rows(sessions, end, here))

        draw(mine.sessions)
        with box("actions"):
            button(_("Log out everywhere else"), others, "", "logout")


def _say(words: str, kind: str) -> None:
    ui.notify(words, type=kind, position="top", timeout=6000)  # type: ignore[arg-type]
