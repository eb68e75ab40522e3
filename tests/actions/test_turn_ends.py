"""What ends a question of ours: the events that tests/nlu/test_dialogue.py gives to the trained rules."""

from typing import Any

import pytest

from actions.base import CareAction
from actions.consent import ActionAskOptIn, ActionOptIn
from actions.handover import ActionTalkToHuman
from actions.usage import ActionMarkHelpful, ActionNotHelpful
from actions.yes_no import ActionDeny
from crm import consents
from crm.models.people import Purpose
from tests.actions.conftest import Talk

LISTEN = {"event": "followup", "name": "action_listen"}


def _events(talk: Talk) -> list[dict[str, Any]]:
    kept = [event for event in talk.events if event.get("name") in ("expecting", "action_listen")]
    return [{key: event[key] for key in ("event", "name", "value") if key in event} for event in kept]


@pytest.mark.parametrize(
    ("expected", "intent", "action", "listens"),
    [
        ("helpful", "affirm", ActionMarkHelpful(), True),
        ("helpful", "deny", ActionNotHelpful(), True),
        ("person", "affirm", ActionTalkToHuman(), True),
        ("person", "deny", ActionDeny(), False),
        ("opt_in", "affirm", ActionOptIn(), True),
        ("opt_in", "deny", ActionDeny(), False),
    ],
)
async def test_the_question_is_over_after_its_answer(
    talk: Talk, expected: str, intent: str, action: CareAction, listens: bool
) -> None:
    talk.slots["expecting"] = expected
    talk.say(f"/{intent}", intent)
    await talk.run(action)
    ended = {"event": "slot", "name": "expecting", "value": None}
    events = _events(talk)
    assert ended in events
    assert (LISTEN in events) is listens


def _stop(talk: Talk) -> None:
    """What the channel does at STOP, past Rasa."""
    with talk.database.begin() as session:
        customer = talk.metadata["customer_id"]
        consents.record(session, customer, Purpose.MARKETING, granted=False, channel="telegram", evidence="STOP")


def _subscribed(talk: Talk) -> bool:
    with talk.database.read() as session:
        return consents.granted(session, talk.metadata["customer_id"], Purpose.MARKETING)


async def _asked(talk: Talk) -> None:
    _stop(talk)
    talk.say("cho nhận lại tin khuyến mãi", "opt_in")
    assert await talk.responses(ActionAskOptIn()) == ["utter_ask_opt_in"]


async def test_a_yes_after_stop_subscribes_nobody(talk: Talk) -> None:
    await _asked(talk)
    _stop(talk)
    talk.say("ok em", "affirm")
    assert await talk.responses(ActionOptIn()) == ["utter_opt_in_stopped"]
    assert not _subscribed(talk)


async def test_an_older_stop_does_not_stand_in_the_way(talk: Talk) -> None:
    await _asked(talk)
    talk.say("ok em", "affirm")
    assert await talk.responses(ActionOptIn()) == ["utter_opted_in"]
    assert await talk.responses(ActionOptIn()) == ["utter_opted_in"], "the same turn once more"
    assert _subscribed(talk)
