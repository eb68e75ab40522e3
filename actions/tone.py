"""How the assistant answers anger: calmly, with one apology, and with a person when it goes on."""

from sqlalchemy.orm import Session

from actions.turn import ANGRY, Reply, Turn, button
from crm import clock, complaints
from crm.scores import NEUTRAL, word_in
from crm.settings import settings
from crm.words import label, normal

PATIENCE = 3
SHORT_WORDS = 6
# Replies after which a person comes.
CALLED = ("utter_handover", "utter_handover_out_of_hours", "utter_order_passed", "utter_order_passed_out_of_hours")
# Replies that are an apology already, or hand over.
_SORRY = frozenset(
    {"utter_complaint_sorry", "utter_complaint_sorry_angry", "utter_complaint_overdue", "utter_not_helpful_handover"}
    | {"utter_safety_first", "utter_danger", "utter_danger_recorded", "utter_rating_low", "utter_offer_meanings"}
    | {"utter_angry_listen", "utter_angry_told", "utter_angry_person", "utter_angry_nearly_done", *CALLED}
)
_UNASKED = frozenset({"compliment", "thank", "goodbye", "affirm", "talk_to_human", "complaint", "opt_out"})


def is_angry(turn: Turn) -> bool:
    """Whether this message sounds angry."""
    return turn.anger >= ANGRY


def is_dissatisfied(said: str) -> bool:
    """Whether a short message is blame and nothing else: no rating that nobody asked for."""
    score = _short_score(said)
    return score is not None and score < NEUTRAL


def is_praise(said: str) -> bool:
    """Whether a short message is praise and nothing else."""
    score = _short_score(said)
    return score is not None and score > NEUTRAL


def _short_score(said: str) -> int | None:
    return word_in(said) if len(normal(said).split()) <= SHORT_WORDS else None


def angry(session: Session, turn: Turn, reply: Reply) -> None:
    """Blame without a wish that was understood: asks what happened, with a complaint and a person at hand.

    Who has told it already is not asked again: they hear of their complaint, and a person is at hand. In the middle of
    a form, whose question comes next, it is sorry and no more.
    """
    if turn.aside or turn.loop is not None:
        reply.say("utter_angry_nearly_done")
        return
    told = complaints.newest_open(session, turn.customer_id) if turn.customer_id is not None else None
    if told is not None:
        late = told.promised_at < clock.now()
        reply.say(
            "utter_complaint_overdue" if late else "utter_angry_told",
            [button(label("buttons.person"), "talk_to_human")],
            code=told.code,
            state=label(f"complaint_state.{told.state.value}"),
            due=clock.vietnamese_moment(told.promised_at, settings().zone),
        )
        return
    shown = ("complaint", "talk_to_human")
    reply.say("utter_angry_listen", [button(label(f"intents.{name}"), name) for name in shown])


def soften(turn: Turn, reply: Reply) -> None:
    """Puts an apology before the answer to the first angry message, and offers a person at every third in a row."""
    if not is_angry(turn) or not reply.messages:
        return
    sorry = any(said["response"] in _SORRY for said in reply.messages)
    if not sorry and turn.angry_in_a_row == 1 and turn.intent not in _UNASKED:
        reply.messages.insert(0, {"response": "utter_sorry_first", "buttons": []})
    offer_person(turn, reply)


def offer_person(turn: Turn, reply: Reply) -> None:
    """Offers a person to somebody who is angry for the third time in a row, unless one was just called."""
    called = any(said["response"] in CALLED for said in reply.messages)
    if is_angry(turn) and turn.angry_in_a_row % PATIENCE == 0 and not called:
        reply.say("utter_angry_person", [button(label("buttons.person"), "talk_to_human")])
        if turn.loop is None and not reply.follows:
            reply.set(expecting="person")
