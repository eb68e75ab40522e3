"""A complaint left unfinished: what is kept of it, and that it may go on after a long silence."""

from actions.turn import Reply, Turn, button
from crm.words import label

_KEPT = ("complaint_description", "complaint_subject")
_SHOWN = 200


def draft_of(turn: Turn) -> str | None:
    """What the unfinished complaint is about, in the customer's words; None where there is none."""
    if turn.loop is not None:
        return None
    return next((str(turn.slot(slot)) for slot in _KEPT if turn.slot(slot)), None)


def offer(turn: Turn, reply: Reply) -> None:
    """Says where the complaint was left, with [go on] and [drop]. Call only where there is a draft."""
    about = str(draft_of(turn))
    shown = about if len(about) <= _SHOWN else f"{about[:_SHOWN].rsplit(' ', 1)[0]}…"
    choices = [
        button(label("buttons.resume"), "affirm", answer="resume"),
        button(label("buttons.drop"), "deny", answer="drop"),
    ]
    reply.say("utter_draft_kept", choices, about=" ".join(shown.split()))
    reply.set(expecting="draft")
