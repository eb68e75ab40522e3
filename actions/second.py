"""The second thing that a message asks, answered after the first in the same turn."""

from rasa_sdk.events import ActiveLoop  # type: ignore[import-untyped]
from sqlalchemy.orm import Session

from actions.aside import ACTIONS, RESPONSES
from actions.complaint import ActionBeginComplaint, add_to_story
from actions.handover import ActionTalkToHuman
from actions.subjects import share_subject
from actions.turn import Reply, Turn

_GOES_ON = frozenset({"complaint", "rate_service"})  # their form asks next
_TAIL = "utter_did_that_help"


def serve(session: Session, turn: Turn, reply: Reply) -> None:
    """Answers `turn.second` into `reply`, which holds the answer to the first. Nothing is said twice.

    While something else waits for an answer the second is only answered; a person is called all the same.
    """
    second, answer = turn.of_second(reply), Reply()
    share_subject(session, turn, second)
    waits = reply.follows or reply.value("expecting") is not None
    second.aside = turn.intent in _GOES_ON or turn.loop is not None or waits
    if second.intent == "complaint":
        _complain(session, second, answer)
    elif second.intent == "talk_to_human":
        _call_person(session, second, answer)
    elif second.intent in ACTIONS:
        ACTIONS[second.intent]().act(session, second, answer)
    elif second.intent in RESPONSES:
        answer.say(RESPONSES[second.intent])
    _join(reply, answer, before=turn.intent == "talk_to_human" or _stands_first(turn, answer))


def _stands_first(turn: Turn, answer: Reply) -> bool:
    """Whether the second was said before the first, and its answer asks for nothing: then it is also told before."""
    said_first = turn.second is not None and not turn.whole.startswith(turn.text)
    return said_first and not answer.follows and answer.value("expecting") is None


def _complain(session: Session, second: Turn, answer: Reply) -> None:
    """A complaint begins; in the middle of one it is more of its story; a person who was called reads it anyway."""
    if second.loop == "complaint_form":
        add_to_story(session, second, second.text, answer)
        answer.say("utter_story_added")
    elif second.loop is None:
        second.aside = False
        ActionBeginComplaint().act(session, second, answer)
        answer.follow("complaint_form")


def _call_person(session: Session, second: Turn, answer: Reply) -> None:
    ActionTalkToHuman().act(session, second, answer)
    if second.loop is not None:
        answer.events.append(ActiveLoop(None))
        answer.set(requested_slot=None)
    answer.follow("action_listen")


def _join(reply: Reply, answer: Reply, *, before: bool) -> None:
    """Puts the second answer behind the first or before it, and before a question that waits for its yes or no."""
    waits = reply.value("expecting") is not None
    tail = [said for said in reply.messages if waits and said["response"] == _TAIL]
    first = [said for said in reply.messages if said not in tail]
    told = {said.get("product") for said in answer.messages if said["response"] == "utter_product_info"}
    told |= {said.get("product") for said in first if said["response"] == "utter_product_info"}
    fresh = [said for said in answer.messages if said not in first]
    ordered = [*fresh, *first] if before else [*first, *fresh]
    reply.messages = [
        said for said in ordered if said["response"] != "utter_price" or said.get("product") not in told
    ] + [said for said in tail if said not in fresh]
    reply.writes += answer.writes
    for event in answer.events:
        if event.get("event") == "followup":
            reply.follow(str(event["name"]))
        elif not (waits and event.get("name") == "expecting"):
            reply.events.append(event)
