"""The questions an open conversation asks: why it is handed back, what is promised, when a reply shall go out."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from nicegui import ui
from sqlalchemy.orm import Session

from console import phrases
from console.desk import act
from console.dialogs import confirmed
from console.language import _
from console.pieces import attribute, box, button, text
from console.talk import Talk
from crm import business_calendar, canned, clock, promises, resending, scheduled_replies, spoken_promises
from crm.models.conversations import BackReason
from crm.models.messaging import OutboxState
from crm.models.staff import Staff
from crm.models.talk import ScheduledReply
from crm.settings import settings
from crm.threads import Line

MOST_NOTE = 500
LOCAL = "%Y-%m-%dT%H:%M"


@dataclass(frozen=True)
class Timed:
    """What the dialog of a planned reply was answered with."""

    words: str
    at: datetime
    if_quiet: bool


async def hand_back() -> tuple[BackReason, str] | None:
    """Why, and a note for colleagues; None when the person went back."""
    with ui.dialog() as dialog, attribute(box("card pad stack question"), role="dialog"):
        text(_("Hand back to the assistant"), "section-title", "h3")
        text(_("The assistant tells the customer so, in words that fit the reason."), "dim")
        options = {reason: phrases.word(reason) for reason in BackReason}
        reason = ui.radio(options, value=BackReason.SOLVED).classes("reasons")
        note = ui.input(_("Note for colleagues (the customer reads it only in a copy of their data)")).classes("field")
        note.props(f"outlined dense maxlength={MOST_NOTE}")
        _answers(dialog, _("Hand back"), lambda: (BackReason(reason.value), (note.value or "").strip()))
    answer = await _asked(dialog)
    return (answer[0], answer[1]) if isinstance(answer, tuple) else None


async def promise(talk: Talk) -> bool:
    """Promises an answer by a time: the customer reads it, and the promise is kept track of."""
    with ui.dialog() as dialog, attribute(box("card pad stack question"), role="dialog"):
        text(_("Promise an answer"), "section-title", "h3")
        text(_("The customer reads the time, and the clock on top of the conversation counts down to it."), "dim")
        at = _time_field(_("Answer by"), _next_working(timedelta(hours=2)))
        lengths = ((_("In 2 working hours"), 2), (_("In 4 working hours"), 4), (_("In a working day"), 8))
        _shortcuts(at, [(words, _next_working(timedelta(hours=hours))) for words, hours in lengths])
        about = ui.input(_("What you will answer, in a few words")).classes("field promise-about")
        about.props(f"outlined dense maxlength={promises.LONGEST_WORDS}")
        _answers(dialog, _("Promise it"), lambda: Timed((about.value or "").strip(), _moment(at.value), True))
    answer = await _asked(dialog)
    return isinstance(answer, Timed) and await _make_promise(talk, answer.words, answer.at)


async def _make_promise(talk: Talk, words: str, due: datetime) -> bool:
    def work(session: Session, staff: Staff) -> None:
        spoken_promises.promise(session, talk.conversation_id, talk.alive(session), staff, words, due)

    return bool(await act("make_promise", work))


async def plan(words: str, planned: ScheduledReply | None = None) -> Timed | None:
    """The text and time of a reply that is written now and sent later; None when the person went back."""
    with ui.dialog() as dialog, attribute(box("card pad stack question"), role="dialog"):
        text(_("Send later"), "section-title", "h3")
        said = ui.textarea(_("Reply"), value=words).classes("field planned-text")
        said.props(f"outlined autogrow maxlength={scheduled_replies.LONGEST}")
        at = _time_field(_("Send at"), planned.send_at if planned else clock.now() + timedelta(hours=1))
        hours = ((_("In 1 hour"), 1), (_("In 3 hours"), 3), (_("In a day"), 24))
        _shortcuts(at, [(words, clock.now() + timedelta(hours=length)) for words, length in hours])
        quiet = ui.checkbox(
            _("Call it off if the customer writes first, or the conversation is not with me any more"),
            value=planned.if_quiet if planned else True,
        )
        _answers(dialog, _("Plan it"), lambda: Timed(said.value or "", _moment(at.value), bool(quiet.value)))
    answer = await _asked(dialog)
    return answer if isinstance(answer, Timed) else None


async def again(talk: Talk, line: Line) -> None:
    """Asks whether a message that did not arrive is sent once more, and does it."""
    unsure = line.delivery is OutboxState.UNKNOWN
    words = (
        _("Nobody knows whether it arrived: the customer may read it twice.")
        if unsure
        else _("It did not arrive. If the reason still holds, it will not arrive this time either.")
    )
    with talk.visit.client:
        sure = await confirmed(_("Send this message again?"), words, _("Send again"))
    number = line.outbox_id
    if sure and number is not None:
        await act("send_again", lambda session, staff: resending.send_again(session, number, staff))
        await talk.changed()


def names(missing: tuple[str, ...]) -> str:
    """The variables of a text that are still to be filled in, as people read them."""
    return ", ".join(f"{phrases.variable(name)} {{{name}}}" for name in missing)


def missing_in(words: str) -> tuple[str, ...]:
    """The variables that still stand in `words`."""
    return canned.holes(words)


async def _asked(dialog: ui.dialog) -> object:
    answer = await dialog
    if not dialog.is_deleted:
        dialog.delete()
    return answer


def _answers(dialog: ui.dialog, yes: str, value: Callable[[], object]) -> None:
    with box("actions ends"):

        async def no() -> None:
            dialog.submit(None)

        async def agreed() -> None:
            dialog.submit(value())

        button(_("Go back"), no)
        button(yes, agreed, "primary")


def _time_field(label: str, at: datetime) -> ui.input:
    field = ui.input(label, value=clock.local(at, settings().zone).strftime(LOCAL)).classes("field")
    field.props("outlined dense type=datetime-local stack-label")
    return field


def _shortcuts(field: ui.input, choices: list[tuple[str, datetime]]) -> None:
    with box("actions"):
        for words, moment in choices:
            chip = attribute(box("chip", "button"), type="button")
            with chip:
                text(words, tag="span")
            written = clock.local(moment, settings().zone).strftime(LOCAL)
            chip.on("click", lambda written=written: field.set_value(written))


def _next_working(length: timedelta) -> datetime:
    return business_calendar.calendar().due(clock.now(), length)


def _moment(value: str | None) -> datetime:
    """What the field holds as a moment; the present for what is no time, which every use of it refuses."""
    try:
        return datetime.strptime(value or "", LOCAL).replace(tzinfo=settings().zone)
    except ValueError:
        return clock.now()
