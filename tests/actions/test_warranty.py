"""The shop's warranty is for what was bought at the shop; whoever bought elsewhere is told so, and where to turn."""

import pytest
import yaml

from actions.order import ActionWarranty, bought_elsewhere
from tests.actions.conftest import Talk


@pytest.mark.parametrize(
    "said",
    [
        "máy giặt mua bên điện máy xanh shop có bảo hành không",
        "mình mua chỗ khác thì có được bảo hành ko",
        "may lanh nay khong mua o shop, gio hu thi sao",
        "hổng phải mua ở shop mình đâu, có bh hông",
        "tủ lạnh mua lại của người ta còn bảo hành không",
        "mua trên shopee có bảo hành ko em",
    ],
)
async def test_what_was_bought_elsewhere_is_promised_nothing(talk: Talk, said: str) -> None:
    talk.say(said, "warranty")
    assert await talk.responses(ActionWarranty()) == ["utter_warranty_elsewhere"]
    assert talk.slots["expecting"] == "person"


@pytest.mark.parametrize(
    "said",
    [
        "máy giặt mua ở shop tháng trước còn bảo hành không",
        "mua ở điện máy tri ân năm ngoái",
        "mua mới thì bảo hành mấy năm",
        "em không có phiếu bảo hành",
        "mua lại cái khác được không",
    ],
)
def test_what_was_bought_here_is(said: str) -> None:
    assert not bought_elsewhere(said)


async def test_a_thing_not_on_record_is_told_the_length_for_things_of_the_shop_and_what_to_do(talk: Talk) -> None:
    talk.say("bếp từ nhà anh còn bảo hành không em", "warranty")
    assert await talk.responses(ActionWarranty()) == ["utter_warranty_length", "utter_warranty_not_on_record"]


async def test_before_buying_the_length_and_the_rules_are_told(talk: Talk) -> None:
    talk.say("bếp từ bảo hành mấy năm", "warranty")
    assert await talk.responses(ActionWarranty()) == ["utter_warranty_length", "utter_policy"]


def test_the_wording_binds_the_length_to_the_shop() -> None:
    with open("domain.yml", encoding="utf-8") as file:
        responses = yaml.safe_load(file)["responses"]
    assert "kể từ ngày mua tại shop" in responses["utter_warranty_length"][0]["text"]
    assert "hotline của hãng" in responses["utter_warranty_elsewhere"][0]["text"]
    assert {"title": "Gặp nhân viên", "payload": "/talk_to_human"} in responses["utter_warranty_elsewhere"][0][
        "buttons"
    ]
