"""What the forms have in common: which message is an answer, and which is a word aside that another action answers."""

import re
from abc import abstractmethod
from typing import ClassVar

from sqlalchemy.orm import Session

from actions import tone
from actions.base import CareAction, Seconds
from actions.calls import hand_over
from actions.turn import Event, Reply, Turn
from crm import triage
from crm.models.conversations import EscalationReason
from crm.words import is_just, mentioned, normal, words

SURE = 0.5
VERY_SURE = 0.75
LONG_WORDS = 14
TELLING_WORDS = 4
SMALL_TALK_WORDS = 10
_SMALL_TALK = frozenset({"greet", "thank", "goodbye", "ask_bot"})
_OWN = frozenset({"inform", "affirm", "deny", "send_photo", "complaint", "out_of_scope", "nlu_fallback", "compliment"})
_ALWAYS_ASIDE = frozenset({"privacy_request"})


class FormAnswers(CareAction):
    """Validates a form in the place of rasa_sdk's FormValidationAction, in one transaction and with our time limit.

    The form's slots have custom mappings only, so nothing fills them but `answer`. An empty list of events makes Rasa
    reject the form for this turn: the rules then answer the word aside, and the form asks again.

    `story`: the slot whose answer is long. `strict`: slots with short answers, where any sure other meaning is a word
    aside. `own`: intents that are always the form's. `yields_to_complaint`: slots before which a complaint goes.
    """

    form: ClassVar[str]
    story: ClassVar[str] = ""
    own: ClassVar[frozenset[str]] = frozenset()
    strict: ClassVar[frozenset[str]] = frozenset()
    yields_to_complaint: ClassVar[frozenset[str]] = frozenset()
    listens: ClassVar[bool] = False
    answers: ClassVar[bool] = False

    def act(self, session: Session, turn: Turn, reply: Reply) -> None:
        asked = turn.slot("requested_slot")
        if turn.second is not None and turn.second.name == "complaint":
            turn = turn.undivided()
        if asked and _is_fresh(turn, self.form):
            complains = turn.intent == "complaint" and str(asked) in self.yields_to_complaint
            if complains and len(normal(turn.text).split()) >= TELLING_WORDS:
                return
            if not self.claims(turn) and is_aside(turn, str(asked), self):
                return
            self.answer(session, turn, str(asked), reply)
            if not any(event.get("name") not in ("requested_slot", "complaint_angry") for event in reply.events):
                reply.set(**{str(asked): None})
            self._answer_rest(session, turn, reply)
        if not reply.sets("requested_slot"):
            reply.set(requested_slot=self.next_slot(turn, reply))

    def claims(self, turn: Turn) -> bool:
        """Whether the message is the form's, whatever it sounds like."""
        return turn.intent in self.own

    def leave_to_person(self, session: Session, turn: Turn, reply: Reply) -> None:
        """Ends the form because the message asks for a person besides answering it."""
        hand_over(session, turn, reply, EscalationReason.ASKED, turn.whole)
        reply.set(requested_slot=None)

    def _answer_rest(self, session: Session, turn: Turn, reply: Reply) -> None:
        """The second thing that the message asks, and a person for somebody who is angry again and again."""
        if turn.second is not None and turn.second.name == "talk_to_human":
            self.leave_to_person(session, turn, reply)
        elif turn.second is not None:
            Seconds.serve(session, turn, reply)
        tone.offer_person(turn, reply)

    @abstractmethod
    def answer(self, session: Session, turn: Turn, asked: str, reply: Reply) -> None:
        """Takes the message as the answer to the slot `asked`."""

    @abstractmethod
    def next_slot(self, turn: Turn, reply: Reply) -> str | None:
        """What to ask next; None ends the form."""

    def after_failure(self, turn: Turn) -> list[Event]:
        """The same question again: without a slot event Rasa would take the form for rejected."""
        asked, again = turn.slot("requested_slot"), Reply()
        if asked:
            again.set(**{asked: turn.slot(asked), "requested_slot": asked})
        return again.events


def after(turn: Turn, reply: Reply, slot: str) -> object:
    """The slot's value with `reply` applied."""
    values = [event["value"] for event in reply.events if event.get("event") == "slot" and event.get("name") == slot]
    return values[-1] if values else turn.slot(slot)


def cancels(turn: Turn, *, plainly: bool = False) -> bool:
    """Whether the message stops what is in progress.

    Args:
        plainly: only what can mean nothing else: "no more" may also be said of photos.
    """
    lists = words("complaint")
    if turn.entity("answer") == "cancel" or _calls_off(turn.text, lists["call_off"]):
        return True
    return not plainly and (is_just(turn.text, lists["cancel"]) or _calls_off(turn.text, lists["call_off_weakly"]))


def puts_off(turn: Turn) -> bool:
    """Whether the message only says that the rest is told another time."""
    lists, spoken = words("complaint"), normal(turn.text)
    if is_just(turn.text, lists["later"]):
        return True
    short = len(spoken.split()) <= LONG_WORDS
    return short and any(re.match(lists["before_later"] + then, spoken) for then in lists["later_patterns"])


def refuses_all(turn: Turn) -> bool:
    """Whether the message is understood as "stop", without a word of advertising: it is the form that is meant."""
    return turn.intent == "opt_out" and turn.confidence >= SURE and not (turn.pressed or _of_advertising(turn))


def goes_back(turn: Turn) -> bool:
    """Whether the question before is wanted once more."""
    return is_just(turn.text, words("dialogue")["go_back"])


def goes_on(turn: Turn) -> bool:
    """Whether the message only says to go on."""
    return is_just(turn.text, words("dialogue")["go_on"])


def asks_for_person(turn: Turn) -> bool:
    """Whether a person is asked for, and not only spoken of: "the staff was rude" is a story."""
    lists = words("dialogue")
    return mentioned(turn.text, lists["person_asked"]) is not None or is_just(turn.text, lists["person_alone"])


def _calls_off(said: str, patterns: list[str]) -> bool:
    spoken, before = normal(said), words("complaint")["before_call_off"]
    return len(spoken.split()) <= LONG_WORDS and any(re.match(rf"{before}{then}", spoken) for then in patterns)


def _of_advertising(turn: Turn) -> bool:
    return mentioned(turn.text, words("dialogue")["advertising"]) is not None


def is_aside(turn: Turn, asked: str, form: FormAnswers) -> bool:
    """Whether the message is something else than an answer to the form's question `asked`.

    Where a story is asked for, what is not plainly a short question is the story, whatever it sounds like.
    """
    if turn.intent in _OWN:
        return False
    if turn.pressed:
        return True
    if turn.confidence < SURE:
        return False
    if turn.intent == "talk_to_human":
        short = asked != form.story and len(normal(turn.text).split()) <= TELLING_WORDS
        return asks_for_person(turn) or (short and mentioned(turn.text, words("dialogue")["person"]) is not None)
    if turn.intent == "opt_out":
        return _of_advertising(turn)
    small_talk = turn.intent in _SMALL_TALK and turn.confidence >= VERY_SURE
    if small_talk and len(normal(turn.text).split()) <= SMALL_TALK_WORDS:
        return mentioned(turn.text, words("complaint")["time"]) is None
    if asked == form.story and not (_asks(turn) or _only_asks(turn)):
        return False
    if turn.intent in _ALWAYS_ASIDE or (asked in form.strict and turn.confidence >= VERY_SURE):
        return True
    lists, spoken = words("dialogue"), normal(turn.text)
    worded = mentioned(turn.text, lists["question"]) is not None
    return "?" in turn.text or worded or any(re.search(pattern, spoken) for pattern in lists["question_patterns"])


def _asks(turn: Turn) -> bool:
    short = len(normal(turn.text).split()) <= LONG_WORDS
    return short and ("?" in turn.text or turn.confidence >= VERY_SURE)


def _only_asks(turn: Turn) -> bool:
    """Whether a question that is understood less surely holds nothing of a story, and no anger."""
    lists = words("complaint")
    kinds = lists["category"]
    told = [*lists["reproach"], *kinds["product_fault"], *kinds["staff_attitude"], *lists["severity"]["high"]]
    opens = mentioned(turn.text, words("dialogue")["may_i_ask"]) is not None
    return opens or (
        mentioned(turn.text, told) is None and not tone.is_angry(turn) and not triage.is_dangerous(turn.text)
    )


def _is_fresh(turn: Turn, form: str) -> bool:
    """Whether the message was said to the form: not while it starts, nor when it comes back from a word aside."""
    since: list[str] = []
    for event in reversed(turn.tracker.events):
        if event.get("event") == "user":
            break
        if event.get("event") == "action":
            since.append(str(event.get("name")))
    return turn.loop == form and all(name in (form, "action_extract_slots") for name in since)
