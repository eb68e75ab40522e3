"""A notice to staff as a sentence in the reader's language."""

from datetime import datetime

from console import phrases
from console.language import _
from crm.models.campaigns import PauseReason
from crm.models.service import ClockKind, NoticeKind, StaffNotice

_ICONS = {
    NoticeKind.CLOCK_WARNING: "alarm",
    NoticeKind.CLOCK_BREACH: "alarm_off",
    NoticeKind.CLOCK_MANAGER: "priority_high",
    NoticeKind.PROMISE_NEAR: "more_time",
    NoticeKind.PROMISE_BROKEN: "heart_broken",
    NoticeKind.MENTION: "alternate_email",
    NoticeKind.ASSIGNED: "push_pin",
    NoticeKind.HOLD_LOST: "undo",
    NoticeKind.RECOVERY: "sentiment_dissatisfied",
    NoticeKind.CASE_REOPENED: "replay",
    NoticeKind.CASE_ANSWERED: "chat",
    NoticeKind.PARTNER_LATE: "factory",
    NoticeKind.REPLY_OVERTAKEN: "schedule_send",
    NoticeKind.REPLY_UNHELD: "cancel_schedule_send",
    NoticeKind.BROADCAST_HALTED: "pause_circle",
}


def icon(kind: NoticeKind) -> str:
    """The sign before the sentence."""
    return _ICONS.get(kind, "info")


def sentence(notice: StaffNotice) -> str:
    """What the person is told; a word that an old notice lacks is left out rather than failing."""
    words = {key: str(value) for key, value in notice.words.items()}
    if "clock_kind" in words:
        words["clock"] = phrases.word(ClockKind(words["clock_kind"])).lower()
    if "due_at" in words:
        words["due"] = phrases.when(datetime.fromisoformat(words["due_at"]))
    if "pause_reason" in words:
        words["why"] = phrases.word(PauseReason(words["pause_reason"])).lower()
    return _form(notice.kind).format_map(_Gaps(words))


class _Gaps(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "…"


def _form(kind: NoticeKind) -> str:
    known = {
        NoticeKind.CLOCK_WARNING: _("{name}: {clock} is due by {due}."),
        NoticeKind.CLOCK_BREACH: _("{name}: {clock} was due by {due} and is late."),
        NoticeKind.CLOCK_MANAGER: _("{name}: {clock} is late since {due}, and nobody has answered. Please step in."),
        NoticeKind.PROMISE_NEAR: _("The promise to {name} takes longer: the customer was told {due} instead."),
        NoticeKind.PROMISE_BROKEN: _("The promise to {name} was broken: it was due by {due}."),
        NoticeKind.MENTION: _("{who} mentions you in a note about {name}."),
        NoticeKind.ASSIGNED: _("{who} gave you {name}."),
        NoticeKind.HOLD_LOST: _("{name} waited too long: the conversation is back in the queue."),
        NoticeKind.RECOVERY: _("{name} gave {score} of 5. Somebody should get in touch."),
        NoticeKind.CASE_REOPENED: _("{name} took complaint {code} up again."),
        NoticeKind.CASE_ANSWERED: _("{name} answered what complaint {code} was waiting for."),
        NoticeKind.PARTNER_LATE: _("{partner} is late with an answer to complaint {code}."),
        NoticeKind.REPLY_OVERTAKEN: _("{name} wrote before your planned reply went out; it was not sent."),
        NoticeKind.REPLY_UNHELD: _(
            "A planned reply to {name} was cancelled: who wrote it does not look after the conversation any more."
        ),
        NoticeKind.BROADCAST_HALTED: _("The broadcast “{name}” has stopped and waits for you: {why}."),
    }
    return known.get(kind, "{text}")
