"""What people asked about their own data: by its last day, with what may be done about each."""

from collections.abc import Callable

from nicegui import ui
from sqlalchemy.orm import Session

from console import customer_rights, desk, guard, inbox, phrases
from console.desk import act
from console.frame import frame
from console.language import _
from console.pieces import attribute, box, button, empty, link, moment, pill, symbol, tabs, text
from console.visits import Visit
from crm import clock, complaints, personal_data_handover, personal_data_requests
from crm.models.privacy import PrivacyRequest, RequestKind, RequestState
from crm.models.staff import Staff
from crm.personal_data_requests import OPEN
from crm.settings import settings

TONES = {
    RequestState.RECEIVED: "warn",
    RequestState.IN_PROGRESS: "info",
    RequestState.DONE: "good",
    RequestState.REFUSED: "",
}
ICONS = {
    RequestKind.SEE: "visibility",
    RequestKind.CORRECT: "edit",
    RequestKind.EXPORT: "download",
    RequestKind.ERASE: "delete_forever",
    RequestKind.WITHDRAW: "do_not_disturb_on",
}
Rows = list[tuple[PrivacyRequest, bool]]


def _see(session: Session, still_open: bool, after: int) -> Rows:
    """The requests, each with whether an open complaint holds it."""
    found = personal_data_requests.listing(session, still_open=still_open, after=after)
    return [(each, still_open and _is_held(session, each)) for each in found]


def _is_held(session: Session, request: PrivacyRequest) -> bool:
    return request.kind is RequestKind.ERASE and complaints.has_open(session, request.customer_id)


@guard.page("/privacy")
async def page(visit: Visit, state: str = "open", after: int = 0, about: int = 0) -> None:
    """Open ones first; `about` is the one that a link led to."""
    with frame(visit, _("Requests about personal data"), await inbox.for_visitor(visit.visitor)):
        tabs([("open", _("To be dealt with"), "/privacy"), ("closed", _("Dealt with"), "/privacy?state=closed")], state)
        screen = Screen(visit, state != "closed", after, about)
        await screen.refresh()


class Screen:
    """The list as it is now."""

    def __init__(self, visit: Visit, still_open: bool, after: int, chosen: int) -> None:
        self._visit, self._open, self._after, self._chosen = visit, still_open, after, chosen
        self._place = box("stack")

    async def refresh(self) -> None:
        """Looks again and draws the list."""
        rows = await desk.look(lambda session: _see(session, self._open, self._after))
        self._place.clear()
        with self._place:
            if not rows:
                _nothing(self._open)
            else:
                with box("card rows"):
                    for request, held in rows:
                        self._row(request, held)
                if not self._open and len(rows) == 50:
                    with link(f"/privacy?state=closed&after={rows[-1][0].id}", "btn"):
                        text(_("Next page"), tag="span")

    def _row(self, request: PrivacyRequest, held: bool) -> None:
        with attribute(box("entry privacy-row on" if request.id == self._chosen else "entry privacy-row")) as row:
            attribute(row, data_request=str(request.id))
            symbol(ICONS[request.kind]).classes("row-icon")
            with box("row-main"):
                with box("row-head"):
                    with link(f"/customers/{request.customer_id}", "plain strong"):
                        text(request.customer.name or _("No name any more"), tag="span")
                    text(phrases.word(request.kind), "", "span")
                    pill(phrases.word(request.state), TONES[request.state])
                    text(_channel(request.channel), "dim small", "span")
                if request.said or request.reason:
                    text(request.reason or request.said, "row-words")
                if held:
                    text(_("Held: a complaint is open. Settle it first."), "small bad")
                if request.state in OPEN:
                    with box("actions tight"):
                        self._buttons(request)
            with box("row-end"):
                _due(request)

    def _buttons(self, request: PrivacyRequest) -> None:
        if request.state is RequestState.RECEIVED:
            button(_("Take it on"), lambda: self._move(request, RequestState.IN_PROGRESS), "small")
        if request.kind in (RequestKind.SEE, RequestKind.EXPORT):
            button(
                _("Make a copy"), lambda: customer_rights.export(self._visit, request.customer_id, request.id), "small"
            )
            button(_("Send it in the chat"), lambda: self._send(request), "small primary")
        elif request.kind is RequestKind.ERASE:
            button(_("Erase everything"), lambda: self._erase(request), "small danger")
        elif request.kind is RequestKind.WITHDRAW:
            button(_("Withdraw every consent"), lambda: self._withdraw(request), "small primary")
        else:
            with link(f"/customers/{request.customer_id}", "btn small"):
                text(_("Open the record"), tag="span")
        if request.kind is not RequestKind.ERASE:
            button(_("It is done"), lambda: self._done(request), "small")
        button(_("Refuse"), lambda: self._refuse(request), "small quiet")

    async def _move(self, request: PrivacyRequest, to: RequestState) -> None:
        await self._act("move_privacy_request", lambda session, staff: _step(session, request.id, to, staff))

    async def _done(self, request: PrivacyRequest) -> None:
        def work(session: Session, staff: Staff) -> None:
            if request.kind is RequestKind.CORRECT:
                personal_data_requests.corrected(session, personal_data_requests.get(session, request.id), staff)
            else:
                _step(session, request.id, RequestState.DONE, staff)

        await self._act("move_privacy_request", work)

    async def _withdraw(self, request: PrivacyRequest) -> None:
        def work(session: Session, staff: Staff) -> None:
            personal_data_requests.withdraw(session, personal_data_requests.get(session, request.id), staff)

        await self._act("move_privacy_request", work)

    async def _send(self, request: PrivacyRequest) -> None:
        outcome = await act(
            "export_customer", lambda session, staff: personal_data_handover.send(session, request.id, staff)
        )
        if outcome:
            with self._visit.client:
                sent = _("The copy is on its way into the chat.")
                ui.notify(sent if outcome.value else _("There is no chat to send it to."), position="top")
        await self.refresh()

    async def _erase(self, request: PrivacyRequest) -> None:
        await customer_rights.erase(self._visit, request.customer_id, request.customer.name)
        await self.refresh()

    async def _refuse(self, request: PrivacyRequest) -> None:
        with self._visit.client:
            reason = await _why()
        if reason is None:
            return

        def work(session: Session, staff: Staff) -> None:
            personal_data_requests.refuse(session, personal_data_requests.get(session, request.id), staff, reason)

        await self._act("move_privacy_request", work)

    async def _act(self, action: str, work: Callable[[Session, Staff], object]) -> None:
        await act(action, work)
        await self.refresh()


def _step(session: Session, request_id: int, to: RequestState, staff: Staff) -> PrivacyRequest:
    request = personal_data_requests.get(session, request_id)
    personal_data_requests.move(session, request, to, staff)
    return request


def _due(request: PrivacyRequest) -> None:
    if request.closed_at is not None:
        moment(request.closed_at)
        in_time = request.closed_at <= request.due_at
        text(_("in time") if in_time else _("too late"), "small dim" if in_time else "small bad")
        return
    left = request.due_at - clock.now()
    late, near = left.total_seconds() < 0, left.days < settings().privacy_remind_days
    words = (
        _("{time} over").format(time=phrases.span(-left)) if late else _("{time} left").format(time=phrases.span(left))
    )
    text(words, "strong bad" if late else ("strong warn-ink" if near else "strong"))
    text(_("by {day}").format(day=phrases.day(request.due_at)), "dim small")


def _channel(code: str) -> str:
    known = {
        "telegram": _("in the chat"),
        "phone": _("by phone"),
        "email": _("by e-mail"),
        "letter": _("by letter"),
        "shop": _("at the shop"),
    }
    return known.get(code, code)


def _nothing(still_open: bool) -> None:
    if still_open:
        hint = _(
            "When a customer asks to see, correct, take away or erase their data, it stands here with its last day."
        )
        empty("verified_user", _("Nobody waits for an answer"), hint)
    else:
        empty("history", _("Nothing closed yet"), _("Requests that were dealt with stay here as the proof."))


async def _why() -> str | None:
    """Asks for the reason that the customer will read."""
    with ui.dialog() as dialog, attribute(box("card pad stack question"), role="dialog"):
        text(_("Why can it not be done?"), "section-title", "h3")
        text(_("The customer reads this in the chat."), "dim")
        field = ui.textarea().props("outlined autogrow maxlength=1000").classes("field refusal")
        with box("actions ends"):

            async def leave() -> None:
                dialog.submit(None)

            async def send() -> None:
                dialog.submit(field.value or " ")

            button(_("Go back"), leave)
            button(_("Refuse and tell the customer"), send, "primary")
    answer = await dialog
    if not dialog.is_deleted:
        dialog.delete()
    return None if answer is None else str(answer)
