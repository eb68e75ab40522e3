"""A score from 1 to 5, stored at once, and then the reason for it."""

from typing import Any

from sqlalchemy.orm import Session

from actions.base import CareAction
from actions.complaint import alarm
from actions.forms import FormAnswers, after
from actions.meant import corrects
from actions.tone import angry, is_dissatisfied, is_praise
from actions.turn import Reply, Turn
from crm import clock, ratings, receipts, surveys, triage
from crm.scores import number_in, score_in
from crm.words import is_just, mentioned, words

SLOTS = ("rating_score", "rating_id", "rating_reason", "rating_complaint_id")


def store(session: Session, turn: Turn, score: int, complaint_id: int | None) -> dict[str, Any]:
    """Stores the score, once a turn, or corrects the one given before; returns {"rating_id", "score"}."""
    conversation = turn.conversation(session)

    def rate() -> dict[str, Any]:
        given = ratings.given(session, conversation.customer_id, complaint_id, turn.slot("rating_id"))
        if given is not None:
            rating = ratings.amend(session, conversation, given, score)
        else:
            rating = ratings.rate(session, conversation, score, complaint_id)
        return {"rating_id": rating.id, "score": score}

    return receipts.once(session, turn.turn_id, "rate_service", rate)


def score_of(turn: Turn, *, asked: bool) -> int | None:
    """The score that the button or the number gives; words too where the score was `asked` for."""
    pressed = turn.entity("score")
    if pressed and pressed.isdigit() and 1 <= int(pressed) <= 5:
        return int(pressed)
    return score_in(turn.text) if asked else number_in(turn.text)


def _subject(session: Session, turn: Turn) -> int | None:
    """The complaint that is rated: the one on the button, else the one whose survey waits for an answer."""
    pressed = turn.entity("complaint_id")
    if pressed and pressed.isdigit():
        return int(pressed)
    return surveys.awaited(session, turn.customer(session).id, clock.now())


class ActionRateService(CareAction):
    """Stores the score if the message gives one; the form then asks for what is missing."""

    action = "action_rate_service"
    writes = True
    listens = False

    def act(self, session: Session, turn: Turn, reply: Reply) -> None:
        reply.set(**dict.fromkeys(SLOTS))
        complaint_id = _subject(session, turn)
        score = score_of(turn, asked=complaint_id is not None)
        reply.set(rating_complaint_id=complaint_id)
        if score is not None:
            keep(session, turn, reply, score, complaint_id)
        warn_of_danger(session, turn, turn.text, reply)
        unasked = score is None and mentioned(turn.text, words("rating")["wants"]) is None
        if unasked and (is_dissatisfied(turn.text) or is_praise(turn.text)):
            _take_as_said(session, turn, reply)
        elif not turn.aside:
            reply.follow("rating_form")


def _take_as_said(session: Session, turn: Turn, reply: Reply) -> None:
    """Blame or praise that nobody asked for in points is answered as what it is."""
    if is_dissatisfied(turn.text):
        angry(session, turn, reply)
    else:
        reply.say("utter_compliment")
    if not turn.aside:
        reply.follow("action_listen")


def warn_of_danger(session: Session, turn: Turn, said: str, reply: Reply) -> None:
    """A danger told with a score: what to do at once, the staff called, and a complaint one press away."""
    if triage.is_dangerous(said):
        alarm(session, turn, said)
        reply.say("utter_danger")
        reply.set(question=said, open_question=said)


def keep(session: Session, turn: Turn, reply: Reply, score: int, complaint_id: int | None) -> None:
    """Stores the score and says so: gladly, or sorry and that a person will look."""
    kept = store(session, turn, score, complaint_id)
    reply.set(rating_score=kept["score"], rating_id=kept["rating_id"])
    low, high = kept["score"] <= ratings.LOW, kept["score"] > ratings.LOW + 1
    response = "utter_rating_low" if low else "utter_rating_high" if high else "utter_rating_middle"
    reply.say(response, score=kept["score"])


class ValidateRatingForm(FormAnswers):
    """Reads a score, or the reason for it."""

    action = "validate_rating_form"
    form = "rating_form"
    story = "rating_reason"
    own = frozenset({"rate_service"})
    strict = frozenset({"rating_score"})
    yields_to_complaint = frozenset({"rating_score"})
    writes = True

    def answer(self, session: Session, turn: Turn, asked: str, reply: Reply) -> None:
        corrected = asked == self.story and corrects(turn.text) and score_in(turn.text) is not None
        if asked == "rating_score" or turn.entity("score") or corrected:
            score = score_of(turn, asked=True)
            if score is not None:
                complaint_id = turn.slot("rating_complaint_id")
                keep(session, turn, reply, score, int(complaint_id) if complaint_id is not None else None)
            elif turn.intent in ("deny", "opt_out") or is_just(turn.text, words("rating")["skip"]):
                reply.set(rating_score=None, requested_slot=None)
            warn_of_danger(session, turn, turn.text, reply)
            return
        said = turn.entity("caption") or turn.text
        warn_of_danger(session, turn, said, reply)
        reply.set(rating_reason="" if is_just(said, words("rating")["skip"]) else said)

    def next_slot(self, turn: Turn, reply: Reply) -> str | None:
        return next((s for s in ("rating_score", "rating_reason") if after(turn, reply, s) is None), None)


class ActionThankRating(CareAction):
    """Stores the reason and thanks."""

    action = "action_thank_rating"
    writes = True
    listens = False
    answers = False

    def act(self, session: Session, turn: Turn, reply: Reply) -> None:
        reason, rating_id = turn.slot("rating_reason"), turn.slot("rating_id")
        reply.set(**dict.fromkeys(SLOTS))
        if rating_id is None:
            reply.say("utter_rating_skipped")
            return
        if reason:
            customer_id = turn.customer(session).id
            kept = {"rating_id": int(rating_id)}

            def explain() -> dict[str, Any]:
                ratings.explain(session, kept["rating_id"], customer_id, str(reason))
                return kept

            receipts.once(session, turn.turn_id, self.action, explain)
        low = int(turn.slot("rating_score") or 5) <= ratings.LOW
        reply.say("utter_rating_thanks_low" if low else "utter_rating_thanks")
