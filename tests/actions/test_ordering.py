"""A wish to buy goes to a person with the product named, whatever it was understood as."""

import pytest
from sqlalchemy import select

from actions.catches import wants_to_buy
from actions.ordering import ActionTakeOrder
from actions.product import ActionAskPrice
from actions.yes_no import ActionAffirm
from crm.models.conversations import Conversation, Escalation, Mode
from tests.actions.conftest import Talk

PASSED = ("utter_order_passed", "utter_order_passed_out_of_hours")


def _call(talk: Talk) -> str:
    with talk.database.read() as session:
        called = session.scalars(select(Escalation).order_by(Escalation.id.desc())).first()
        assert called is not None
        assert session.get_one(Conversation, talk.metadata["conversation_id"]).mode is Mode.PEOPLE
        return called.note


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


async def test_the_product_under_discussion_is_named_to_the_person(talk: Talk) -> None:
    talk.say("nồi chiên giá sao", "ask_price")
    await talk.run(ActionAskPrice())
    talk.say("ok lấy cái này nha em", "affirm")
    assert await talk.responses(ActionAffirm()) == []
    assert talk.followup == "action_take_order"
    (said,) = await talk.run(ActionTakeOrder())
    assert said["response"] in PASSED
    assert "CK55" in said["product"]
    assert "CK55" in _call(talk)


async def test_what_is_asked_along_with_it_is_answered_first(talk: Talk) -> None:
    talk.say("tủ lạnh giá bao nhiêu, chốt cho anh 1 cái", "ask_price")
    assert await talk.responses(ActionAskPrice()) == []
    said = await talk.responses(ActionTakeOrder())
    assert said[0] == "utter_price"
    assert said[1] in PASSED
    assert "TL320" in _call(talk)


async def test_in_a_complaint_nothing_is_ordered(talk: Talk) -> None:
    talk.loop = "complaint_form"
    talk.say("cho mình đặt 1 cái", "affirm")
    assert await talk.responses(ActionAffirm()) == ["utter_affirm"]
    assert talk.followup is None
