"""Two things asked in one message: both are answered, each by its own clause, and nothing twice."""

import pytest

from actions.also import ActionAlso
from actions.aside import ActionAnswerAside
from actions.base import CareAction
from actions.complaint import ActionBeginComplaint, ActionSubmitComplaint
from actions.complaint_form import ValidateComplaintForm
from actions.correction import ActionCorrect
from actions.handover import ActionTalkToHuman
from actions.order import ActionOrderStatus, ActionWarranty
from actions.policy import ActionTellPolicy
from actions.product import ActionAskPrice, ActionProductInfo
from actions.usage import ActionAnswerUsage
from crm.models.conversations import Conversation, Mode
from tests.actions.conftest import Talk


def _mode(talk: Talk) -> Mode:
    with talk.database.read() as session:
        return session.get_one(Conversation, talk.metadata["conversation_id"]).mode


async def test_the_second_means_the_product_of_the_first(talk: Talk) -> None:
    talk.say(
        "nồi cơm nc18 giá bao nhiêu với lại bảo hành mấy năm",
        "ask_price",
        second=("warranty", "bảo hành mấy năm"),
    )
    said = await talk.run(ActionAskPrice())
    assert [message["response"] for message in said[:2]] == ["utter_price", "utter_warranty_length"]
    assert "NC18" in said[0]["product"]
    assert "NC18" in said[1]["product"]
    assert talk.slots["product"] == "BT-NC18"


async def test_each_clause_has_its_own_words(talk: Talk) -> None:
    text = "máy lạnh giá bao nhiêu, còn nồi chiên vệ sinh sao"
    talk.say(text, "ask_price", second=("product_usage", "nồi chiên vệ sinh sao"))
    said = await talk.run(ActionAskPrice())
    assert "ML10" in said[0]["product"]
    answers = [message for message in said if message["response"] == "utter_knowledge"]
    assert "nồi chiên" in answers[0]["title"].lower()
    assert talk.slots["question"] == "nồi chiên vệ sinh sao"
    assert said[-1]["response"] == "utter_did_that_help"
    assert talk.slots["expecting"] == "helpful"


async def test_a_clause_before_the_first_is_cut_away_too(talk: Talk) -> None:
    text = "shop mở cửa mấy giờ, với cho hỏi tủ lạnh giá bao nhiêu"
    talk.say(text, "ask_price", second=("store_info", "shop mở cửa mấy giờ"))
    assert await talk.responses(ActionAskPrice()) == ["utter_policy", "utter_price"]


async def test_the_question_whether_it_helped_stays_last_and_is_kept(talk: Talk) -> None:
    text = "máy giặt không vắt được phải làm sao, tiện thể cho hỏi đổi trả trong mấy ngày"
    talk.say(text, "product_usage", second=("return_exchange", "cho hỏi đổi trả trong mấy ngày"))
    said = await talk.responses(ActionAnswerUsage())
    assert said == ["utter_knowledge", "utter_policy", "utter_did_that_help"]
    assert talk.slots["expecting"] == "helpful"


async def test_nothing_is_said_twice(talk: Talk) -> None:
    talk.say("nồi chiên có gì hay, giá sao", "product_info", second=("ask_price", "giá sao"))
    assert await talk.responses(ActionProductInfo()) == ["utter_product_info"]
    talk.say("giá nồi chiên, cho xem thông tin luôn", "ask_price", second=("product_info", "cho xem thông tin luôn"))
    assert await talk.responses(ActionAskPrice()) == ["utter_product_info"]
    talk.say("ship bao lâu, phí ship bao nhiêu", "delivery", second=("store_info", "phí ship bao nhiêu"))
    said = await talk.run(ActionTellPolicy())
    assert len(said) == len({str(message) for message in said})


async def test_a_response_of_the_rules_is_followed_by_the_second(talk: Talk) -> None:
    text = "đang có khuyến mãi gì không, với shop có trả góp không"
    talk.say(text, "promotion", second=("payment", "shop có trả góp không"))
    assert await talk.responses(ActionAlso()) == ["utter_policy"]
    talk.say("đang có khuyến mãi gì không", "promotion")
    assert await talk.responses(ActionAlso()) == []


async def test_a_complaint_after_a_question_begins_with_its_own_story(talk: Talk) -> None:
    story = "cái máy giặt mới mua kêu rầm rầm như xe công nông"
    talk.say(f"đơn của tôi tới đâu rồi, à mà {story}", "order_status", second=("complaint", story))
    assert await talk.responses(ActionOrderStatus()) == ["utter_order_status", "utter_complaint_sorry"]
    assert talk.followup == "complaint_form"
    assert talk.slots["complaint_description"] == story
    assert "MG90" in talk.slots["complaint_subject"]


async def test_a_question_after_a_complaint_is_answered_before_the_form_asks(talk: Talk) -> None:
    text = "máy giặt mới mua đã kêu rầm rầm, bực quá, với lại đơn hàng của tôi tới đâu rồi"
    talk.say(text, "complaint", second=("order_status", "đơn hàng của tôi tới đâu rồi"))
    assert await talk.responses(ActionBeginComplaint()) == ["utter_complaint_sorry", "utter_order_status"]
    assert talk.slots["complaint_description"] == "máy giặt mới mua đã kêu rầm rầm, bực quá"
    assert talk.followup is None


async def test_what_does_not_ask_stays_in_the_story(talk: Talk) -> None:
    text = "máy giặt mới mua đã kêu rầm rầm, giao hàng thì trễ cả tuần trời"
    talk.say(text, "complaint", second=("delivery", "giao hàng thì trễ cả tuần trời"))
    assert await talk.responses(ActionBeginComplaint()) == ["utter_complaint_sorry"]
    assert talk.slots["complaint_description"] == text


async def test_a_person_is_called_after_the_first_was_answered(talk: Talk) -> None:
    text = "tủ lạnh giá bao nhiêu, rồi cho tôi gặp nhân viên"
    talk.say(text, "ask_price", second=("talk_to_human", "cho tôi gặp nhân viên"))
    said = await talk.responses(ActionAskPrice())
    assert said[0] == "utter_price"
    assert said[1] in ("utter_handover", "utter_handover_out_of_hours")
    assert talk.followup == "action_listen"
    assert _mode(talk) is Mode.PEOPLE


async def test_the_first_words_of_silence_come_last(talk: Talk) -> None:
    text = "cho gặp nhân viên, với shop mấy giờ mở cửa"
    talk.say(text, "talk_to_human", second=("store_info", "shop mấy giờ mở cửa"))
    said = await talk.responses(ActionTalkToHuman())
    assert said[0] == "utter_policy"
    assert said[-1].startswith("utter_handover")


@pytest.mark.parametrize(("asked", "expected"), [("complaint_since", "hôm qua"), ("complaint_subject", "Máy giặt")])
async def test_in_a_form_the_answer_is_taken_and_the_question_answered(talk: Talk, asked: str, expected: str) -> None:
    talk.slots |= {"complaint_description": "vắt kêu to", "requested_slot": asked}
    talk.slots["complaint_subject" if asked == "complaint_since" else "complaint_since"] = "x"
    talk.loop = "complaint_form"
    answer = {"complaint_since": "từ hôm qua tới nay", "complaint_subject": "máy giặt đó em"}[asked]
    talk.say(f"{answer}, mà shop mấy giờ đóng cửa vậy", "complaint", second=("store_info", "shop mấy giờ đóng cửa vậy"))
    assert await talk.responses(ValidateComplaintForm()) == ["utter_policy"]
    assert expected in talk.slots[asked]
    assert "đóng cửa" not in talk.slots[asked]


async def test_in_a_form_a_person_besides_an_answer_ends_it_with_the_story(talk: Talk) -> None:
    talk.slots |= {"complaint_description": "vắt kêu to", "complaint_subject": "x", "requested_slot": "complaint_since"}
    talk.loop = "complaint_form"
    text = "từ tuần trước rồi, cho tôi gặp nhân viên đi"
    talk.say(text, "complaint", second=("talk_to_human", "cho tôi gặp nhân viên đi"))
    await talk.run(ValidateComplaintForm())
    assert (talk.slots["complaint_confirm"], talk.slots["requested_slot"]) == ("person", None)
    assert (await talk.responses(ActionSubmitComplaint()))[0].startswith("utter_handover")
    assert "vắt kêu to" in talk.calls()[0].note
    assert talk.slots["complaint_description"] is None


async def test_aside_in_a_form_both_are_answered_and_a_complaint_is_more_of_the_story(talk: Talk) -> None:
    talk.slots |= {"complaint_description": "vắt kêu to", "requested_slot": "complaint_since"}
    talk.loop = "complaint_form"
    text = "shop ở đâu vậy, mà máy lạnh giá bao nhiêu"
    talk.say(text, "store_info", second=("ask_price", "máy lạnh giá bao nhiêu"))
    assert await talk.responses(ActionAnswerAside()) == ["utter_policy", "utter_price"]
    text = "shop ở đâu vậy, mà cái tủ lạnh cũng bị móp nữa"
    talk.say(text, "store_info", second=("complaint", "cái tủ lạnh cũng bị móp nữa"))
    assert await talk.responses(ActionAnswerAside()) == ["utter_policy", "utter_story_added"]
    assert talk.slots["complaint_description"].startswith("vắt kêu to\ncái tủ lạnh")


@pytest.mark.parametrize("action", [ActionWarranty(), ActionOrderStatus()])
async def test_an_order_code_belongs_to_its_own_clause(talk: Talk, action: CareAction) -> None:
    text = "tủ lạnh bảo hành mấy năm, còn đơn DH999999 tới đâu rồi"
    first = isinstance(action, ActionWarranty)
    second = ("order_status", "đơn DH999999 tới đâu rồi") if first else ("warranty", "tủ lạnh bảo hành mấy năm")
    talk.say(text, "warranty" if first else "order_status", second=second)
    code = {"entity": "order_code", "value": "DH999999", "start": text.index("DH"), "end": text.index("DH") + 8}
    talk.said[-1]["parse_data"]["entities"] = [code]
    said = await talk.responses(action)
    assert "utter_order_not_found" in said
    assert "utter_warranty_length" in said


async def test_a_product_named_in_the_other_clause_is_meant_by_both_and_told_in_the_order_asked(talk: Talk) -> None:
    text = "quạt điều hoà giá bao nhiêu với lại bảo hành mấy năm"
    talk.say(text, "warranty", second=("ask_price", "quạt điều hoà giá bao nhiêu"))
    said = await talk.run(ActionWarranty())
    assert [message["response"] for message in said[:2]] == ["utter_price", "utter_warranty_length"]
    assert all("QD40" in message["product"] for message in said[:2])


async def test_both_questions_are_asked_again_after_a_correction(talk: Talk) -> None:
    text = "quạt điều hoà giá bao nhiêu với lại bảo hành mấy năm"
    talk.say(text, "warranty", second=("ask_price", "quạt điều hoà giá bao nhiêu"))
    await talk.run(ActionWarranty())
    talk.say("à nhầm, máy xay cơ", "inform")
    said = await talk.run(ActionCorrect())
    assert [message["response"] for message in said[:3]] == ["utter_corrected", "utter_price", "utter_warranty_length"]
    assert all("XS15" in message["product"] for message in said[:3])


async def test_nobody_is_called_where_people_are_only_spoken_of(talk: Talk) -> None:
    talk.say(
        "giao cả tuần chưa tới, gọi không ai nghe máy", "complaint", second=("talk_to_human", "gọi không ai nghe máy")
    )
    assert await talk.responses(ActionBeginComplaint()) == ["utter_complaint_sorry"]
    assert talk.slots["complaint_description"] == "giao cả tuần chưa tới, gọi không ai nghe máy"
    assert _mode(talk) is Mode.ASSISTANT


async def test_this_one_is_the_product_under_discussion(talk: Talk) -> None:
    talk.say("quạt điều hoà giá bao nhiêu", "ask_price")
    await talk.run(ActionAskPrice())
    talk.say("sp nay bh bao lau", "warranty")
    said = await talk.run(ActionWarranty())
    assert said[0]["response"] == "utter_warranty_length"
    assert "QD40" in said[0]["product"]
