"""A wish to buy goes to a person with the product named, whatever it was understood as."""

from typing import Any

import pytest

from actions.answers import ActionInform
from actions.base import CareAction
from actions.catches import wants_to_buy
from actions.ordering import ActionAmendOrder, ActionPassOrder, ActionTakeOrder
from actions.product import ActionAskPrice
from actions.yes_no import ActionAffirm
from crm.models.conversations import Conversation, Mode
from tests.actions.conftest import Talk

PASSED = ("utter_order_passed", "utter_order_passed_out_of_hours")


def _call(talk: Talk) -> str:
    with talk.database.read() as session:
        assert session.get_one(Conversation, talk.metadata["conversation_id"]).mode is Mode.PEOPLE
    return talk.calls()[0].note


@pytest.mark.parametrize(
    "said",
    [
        "chốt đơn cho chị nha",
        "chot don giup minh",
        "ok lấy cái này nha em",
        "cho mình đặt 1 cái",
        "cho anh đặt mua cái máy giặt này",
        "mình đặt mua nồi chiên",
        "lấy luôn",
        "mua luôn con này",
        "vậy chốt luôn nha shop",
        "lấy cho chị cái này",
        "lên đơn giúp mình",
        "đặt hàng",
    ],
)
def test_a_wish_to_buy(said: str) -> None:
    assert wants_to_buy(said)


@pytest.mark.parametrize(
    "said",
    [
        "mình đã đặt mua hôm qua mà chưa thấy giao",
        "đặt mua ở đâu vậy shop",
        "chốt đơn rồi mà giờ đổi màu được không",
        "chưa chốt đơn nha, để hỏi chồng đã",
        "mua về 3 tháng thì hư",
        "cái này giá bao nhiêu",
        "lấy khăn lau có được không",
        "làm cách nào để đặt hàng trên web",
        "không lấy cái này nữa đâu",
    ],
)
def test_no_wish_to_buy(said: str) -> None:
    assert not wants_to_buy(said)


@pytest.mark.parametrize(
    "said", ["lấy em 2 cái nồi", "cho chị 2 cái nồi cơm", "lấy 1 máy giặt nha em", "ok lay hai cai"]
)
def test_an_amount_makes_it_an_order(said: str) -> None:
    assert wants_to_buy(said)


@pytest.mark.parametrize(
    "said",
    ["mua 2 cái có giảm không", "lấy 2 cái thì giá bao nhiêu", "cho hỏi 2 cái nồi", "mua 2 cái rồi mà chưa giao"],
)
def test_an_amount_in_a_question_is_none(said: str) -> None:
    assert not wants_to_buy(said)


async def _ordered(talk: Talk, said: str = "ok lấy cái này nha em") -> dict[str, Any]:
    talk.say("nồi chiên giá sao", "ask_price")
    await talk.run(ActionAskPrice())
    talk.say(said, "affirm")
    assert await talk.responses(ActionAffirm()) == []
    assert talk.followup == "action_take_order"
    (said_back,) = await talk.run(ActionTakeOrder())
    return said_back


async def test_what_was_understood_is_read_back_and_nobody_is_called_yet(talk: Talk) -> None:
    back = await _ordered(talk, "lấy 2 cái nha em")
    assert back["response"] == "utter_order_read_back"
    assert back["wanted"].startswith("2 × ")
    assert "CK55" in back["wanted"]
    assert [button["payload"] for button in back["buttons"]] == ["/affirm", '/deny{"answer": "order"}']
    assert talk.slots["expecting"] == "order"
    with talk.database.read() as session:
        assert session.get_one(Conversation, talk.metadata["conversation_id"]).mode is Mode.ASSISTANT


async def test_a_yes_passes_it_on(talk: Talk) -> None:
    await _ordered(talk, "lấy 2 cái nha em")
    talk.say("/affirm", "affirm")
    (said,) = await talk.run(ActionPassOrder())
    assert said["response"] in PASSED
    assert "2 × " in _call(talk)
    assert "CK55" in _call(talk)
    assert "lấy 2 cái nha em" in _call(talk)
    assert (talk.slots["expecting"], talk.slots["order_wish"]) == (None, None)


@pytest.mark.parametrize("said", ["chốt luôn đi em", "đúng rồi, lấy 2 cái"])
async def test_the_same_wish_once_more_is_a_yes(talk: Talk, said: str) -> None:
    await _ordered(talk, "lấy 2 cái nha em")
    talk.say(said, "affirm")
    if await talk.responses(ActionPassOrder()) == []:
        assert talk.followup == "action_take_order"
        assert (await talk.responses(ActionTakeOrder()))[0] in PASSED
    assert "2 × " in _call(talk)


@pytest.mark.parametrize(
    ("said", "intent", "action", "wanted"),
    [
        ("không, 3 cái", "deny", ActionAmendOrder(), ("3 × ", "CK55")),
        ("ừ mà 3 cái nha", "affirm", ActionPassOrder(), ("3 × ", "CK55")),
        ("hông phải, máy lọc nước cơ", "deny", ActionAmendOrder(), ("2 × ", "LN09")),
    ],
)
async def test_another_amount_or_product_is_read_back_again(
    talk: Talk, said: str, intent: str, action: CareAction, wanted: tuple[str, ...]
) -> None:
    await _ordered(talk, "lấy 2 cái nha em")
    talk.say(said, intent)
    assert await talk.responses(action) == []
    assert talk.followup == "action_take_order"
    (back,) = await talk.run(ActionTakeOrder())
    assert back["response"] == "utter_order_read_back"
    assert all(part in back["wanted"] for part in wanted)


async def test_amend_asks_and_a_plain_no_lets_it_be(talk: Talk) -> None:
    await _ordered(talk, "lấy 2 cái nha em")
    talk.say('/deny{"answer": "order"}', "deny", answer="order")
    assert await talk.responses(ActionAmendOrder()) == ["utter_order_amend"]
    assert talk.slots["expecting"] == "order"
    talk.say("3 cái nồi cơm", "inform")
    assert await talk.responses(ActionInform()) == []
    (back,) = await talk.run(ActionTakeOrder())
    assert "3 × " in back["wanted"]
    assert "NC18" in back["wanted"]
    talk.say("thôi để hỏi ông xã đã", "deny")
    assert await talk.responses(ActionAmendOrder()) == ["utter_deny"]
    assert (talk.slots["expecting"], talk.slots["order_wish"]) == (None, None)


async def test_of_an_amount_without_a_product_the_product_is_asked(talk: Talk) -> None:
    talk.say("lấy em 2 cái nồi", "inform")
    (asked,) = await talk.run(ActionTakeOrder())
    assert (asked["response"], asked["amount"]) == ("utter_order_which", 2)
    talk.say("nồi cơm", "inform")
    assert await talk.responses(ActionInform()) == []
    (back,) = await talk.run(ActionTakeOrder())
    assert back["wanted"].startswith("2 × ")
    assert "NC18" in back["wanted"]


async def test_an_order_that_names_nothing_is_passed_on_as_it_is(talk: Talk) -> None:
    talk.say("chốt đơn cho anh nha", "affirm")
    assert (await talk.responses(ActionTakeOrder()))[0] in PASSED
    assert "chốt đơn cho anh nha" in _call(talk)


async def test_what_is_asked_along_with_it_is_answered_first(talk: Talk) -> None:
    talk.say("tủ lạnh giá bao nhiêu, chốt cho anh 1 cái", "ask_price")
    assert await talk.responses(ActionAskPrice()) == []
    assert await talk.responses(ActionTakeOrder()) == ["utter_price", "utter_order_read_back"]


async def test_in_a_complaint_nothing_is_ordered(talk: Talk) -> None:
    talk.loop = "complaint_form"
    talk.say("cho mình đặt 1 cái", "affirm")
    assert await talk.responses(ActionAffirm()) == ["utter_affirm"]
    assert talk.followup is None
