"""My second step: set up, new recovery codes, another phone."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from nicegui import ui
from sqlalchemy.orm import Session

from console import cookies, desk, phrases, pictures
from console.desk import act
from console.language import _
from console.pieces import attribute, box, button, pill, section, text
from console.visits import Visit
from crm import second_factor
from crm.login_waits import Origin
from crm.models.staff import Staff

Work = Callable[[Session, Staff, str, Origin], list[str]]


@dataclass(frozen=True)
class Standing:
    """How it stands with the person's second step."""

    me: Staff
    codes: int


class SecondStep:
    """The part of the page; it draws itself anew after each step."""

    def __init__(self, visit: Visit) -> None:
        self.visit = visit

    async def build(self) -> None:
        with section(_("Second step"), "stack"):
            self.place = box("stack")
        await self._again()

    async def _again(self) -> None:
        standing = await desk.look(self._read)
        self.place.clear()
        with self.place:
            self._on(standing) if second_factor.enrolled(standing.me) else self._off()

    def _read(self, session: Session) -> Standing:
        number = self.visit.visitor.staff_id
        return Standing(session.get_one(Staff, number), second_factor.codes_left(session, number))

    def _off(self) -> None:
        text(_("Besides the password, log in with a code from your phone: who learns your password stays outside."))

        async def begin() -> None:
            outcome = await act("own_second_step", lambda session, me: (second_factor.prepare(me), me.totp_secret))
            if outcome and outcome.value:
                self._show_picture(*outcome.value)

        with box("actions"):
            button(_("Set up the second step"), begin, "primary", "phonelink_lock")

    def _show_picture(self, uri: str, secret: str | None) -> None:
        self.place.clear()
        with self.place:
            text(_("Scan this picture with a code app, for example Google Authenticator."))
            attribute(box("gate-qr", "img"), src=pictures.qr(uri), alt=_("Square code for the code app"))
            text(_("Or type this key into the app:"), "dim small")
            text(pictures.spelled(secret or ""), "gate-secret", "code")
            self._ask(_("Type the six digits that it shows."), _("Done"), second_factor.confirm)

    def _on(self, standing: Standing) -> None:
        since = standing.me.totp_since
        with box("row-head"):
            pill(_("on"), "good")
            text(_("since {day}").format(day=phrases.day(since)) if since else "", "dim", "span")
        text(_("{n} recovery codes are left. Each lets you in once without the phone.").format(n=standing.codes))
        change = box("stack")

        def offer(words: str, yes: str, work: Work) -> Callable[[], Awaitable[None]]:
            async def pressed() -> None:
                change.clear()
                with change:
                    self._ask(words, yes, work)

            return pressed

        renew = offer(_("Type a code: the old recovery codes end."), _("Make new codes"), second_factor.renew_codes)
        with box("actions"):
            button(_("New recovery codes"), renew, "", "autorenew")
            button(
                _("Another phone"), offer(_("Type a code of the old phone."), _("Go on"), _take_off), "", "phonelink"
            )

    def _ask(self, words: str, yes: str, work: Work) -> None:
        text(words, "label")
        field = ui.input().props("outlined dense autofocus maxlength=32 autocomplete=one-time-code")
        attribute(field.classes("code-field"), aria_label=_("Code"))

        async def send() -> None:
            number = self.visit.visitor.staff_id
            username = await desk.look(lambda session: session.get_one(Staff, number).username)
            origin = cookies.origin_of(self.visit.client.request, username)
            outcome = await act("own_second_step", lambda s, me: work(s, me, field.value or "", origin))
            if outcome and outcome.value:
                await self._done(outcome.value)
            elif outcome:
                ui.notify(_("That code is not right, or was used already."), type="negative", position="top")

        field.on("keydown.enter", send)
        with box("actions"):
            button(yes, send, "primary", "check")

    async def _done(self, codes: list[str]) -> None:
        if codes == _OFF:
            await self._again()
            return
        self.place.clear()
        with self.place:
            text(_("Keep these codes safe"), "strong")
            text(_("Each lets you in once without your phone. They are shown only now."), "dim")
            with box("codes"):
                for code in codes:
                    text(code, "mono", "code")
            with box("actions"):
                button(_("I have kept them"), self._again, "primary", "check")


_OFF = ["off"]


def _take_off(session: Session, me: Staff, code: str, origin: Origin) -> list[str]:
    if not second_factor.check(session, me, code, origin):
        return []
    second_factor.forget(session, me, me)
    return _OFF
