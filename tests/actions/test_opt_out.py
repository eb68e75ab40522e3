"""Advertising stops at once where that is sure, and is asked about where it is not."""

import pytest

from actions.consent import ActionOptOut
from crm import consents
from crm.models.people import Purpose
from tests.actions.conftest import Talk


@pytest.fixture
def subscribed(talk: Talk) -> Talk:
    with talk.database.begin() as session:
        who = talk.metadata["customer_id"]
        consents.record(session, who, Purpose.MARKETING, granted=True, channel="telegram", evidence="x")
    return talk


def _granted(talk: Talk) -> bool:
    with talk.database.read() as session:
        return consents.granted(session, talk.metadata["customer_id"], Purpose.MARKETING)


@pytest.mark.parametrize(
    ("said", "confidence"),
    [("thôi khỏi", 0.55), ("xí nữa mua", 0.5), ("thôi hông cần nữa đâu", 0.8), ("khuyến mãi hết rồi thì thôi", 0.5)],
)
async def test_what_may_mean_something_else_is_asked(subscribed: Talk, said: str, confidence: float) -> None:
    subscribed.say(said, "opt_out", confidence)
    [asked] = await subscribed.run(ActionOptOut())
    assert asked["response"] == "utter_ask_opt_out"
    assert [button["payload"] for button in asked["buttons"]] == ["/opt_out", "/deny"]
    assert subscribed.slots["expecting"] == "opt_out"
    assert _granted(subscribed)


@pytest.mark.parametrize(
    ("said", "intent"), [("/opt_out", "opt_out"), ("ừ đúng rồi", "affirm"), ("ngừng đi", "opt_out")]
)
async def test_a_yes_to_the_question_stops(subscribed: Talk, said: str, intent: str) -> None:
    subscribed.say("thôi khỏi", "opt_out", 0.55)
    await subscribed.run(ActionOptOut())
    subscribed.say(said, intent, 0.6)
    assert await subscribed.responses(ActionOptOut()) == ["utter_opted_out"]
    assert subscribed.slots["expecting"] is None
    assert not _granted(subscribed)


@pytest.mark.parametrize(
    ("said", "confidence"),
    [
        ("STOP", 0.3),
        ("dừng quảng cáo", 0.3),
        ("huy dang ky nha shop", 0.46),
        ("đừng nhắn tin quảng cáo nữa", 0.7),
        ("đừng gửi nữa", 0.97),
        ("/opt_out", 1.0),
    ],
)
async def test_a_command_and_plain_words_are_obeyed_at_once(subscribed: Talk, said: str, confidence: float) -> None:
    subscribed.say(said, "opt_out", confidence)
    assert await subscribed.responses(ActionOptOut()) == ["utter_opted_out"]
    assert not _granted(subscribed)
