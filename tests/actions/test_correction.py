"""What a customer puts right: the last question again for what was meant; in a complaint, one part of it."""

import pytest
from sqlalchemy import select

from actions.complaint_form import ValidateComplaintForm
from actions.correction import ActionCorrect
from actions.order import ActionOrderStatus
from actions.product import ActionAskPrice, ActionProductInfo
from actions.rating import ValidateRatingForm
from actions.usage import ActionAnswerUsage, ActionNotHelpful
from actions.yes_no import ActionDeny
from crm.models.catalogue import Purchase
from crm.models.conversations import Conversation, Mode
from tests.actions.conftest import Talk


async def _corrected(talk: Talk, text: str, intent: str) -> list[dict[str, object]]:
    """The message reaches some action by its intent, is caught there, and answered."""
    talk.say(text, intent)
    assert await talk.responses(ActionDeny()) == []
    assert talk.followup == "action_correct"
    return await talk.run(ActionCorrect())


@pytest.mark.parametrize(
    ("said", "intent"),
    [
        ("à nhầm, máy lọc nước cơ", "inform"),
        ("ý mình là máy lọc nước", "product_info"),
        ("không phải nồi cơm, máy lọc nước cơ", "deny"),
        ("khong phai noi com ma la may loc nuoc co em", "nlu_fallback"),
        ("máy lọc nước chứ không phải nồi cơm", "out_of_scope"),
        ("ủa không, em gõ nhầm, máy lọc nước ạ", "inform"),
        ("lộn, máy lọc nước nha", "inform"),
        ("ủa hông phải, máy lọc nước á", "deny"),
        ("hổng phải, ý là máy lọc nước", "deny"),
        ("lộn, máy lọc nước", "inform"),
        ("nhầm rồi, máy lọc nước mới đúng", "deny"),
        ("hok phai noi com, may loc nuoc", "nlu_fallback"),
        ("trời, hông phải, máy lọc nước mà", "deny"),
        ("máy lọc nước, hổng phải nồi cơm", "product_info"),
        ("tui nói máy lọc nước mà", "inform"),
    ],
)
async def test_the_price_is_told_again_for_what_was_meant(talk: Talk, said: str, intent: str) -> None:
    talk.say("nồi cơm giá bao nhiêu", "ask_price")
    await talk.run(ActionAskPrice())
    answers = await _corrected(talk, said, intent)
    assert [answer["response"] for answer in answers] == ["utter_corrected", "utter_price"]
    assert "LN09" in str(answers[1]["product"])
    assert talk.slots["product"] == "SM-LN09"


async def test_a_usage_question_is_asked_again_with_the_other_name(talk: Talk) -> None:
    talk.say("máy lạnh vệ sinh như thế nào", "product_usage")
    await talk.run(ActionAnswerUsage())
    talk.say("không phải máy lạnh, nồi chiên cơ", "deny")
    assert await talk.responses(ActionNotHelpful()) == []
    assert talk.followup == "action_correct"
    answers = await talk.run(ActionCorrect())
    assert "nồi chiên" in answers[1]["title"].lower()
    assert talk.slots["question"].startswith("nồi chiên vệ sinh")
    with talk.database.read() as session:
        assert session.get_one(Conversation, talk.metadata["conversation_id"]).mode is Mode.ASSISTANT


async def test_corrected_twice_it_is_still_the_first_question(talk: Talk) -> None:
    talk.say("nồi cơm giá bao nhiêu", "ask_price")
    await talk.run(ActionAskPrice())
    await _corrected(talk, "à nhầm, máy giặt cơ", "inform")
    answers = await _corrected(talk, "ý mình là tủ lạnh", "inform")
    assert "TL320" in str(answers[1]["product"])


async def test_another_order(talk: Talk) -> None:
    with talk.database.read() as session:
        codes = session.scalars(
            select(Purchase.order_code).where(Purchase.customer_id == talk.metadata["customer_id"])
        ).all()
    talk.say("đơn hàng của tôi tới đâu rồi", "order_status")
    await talk.run(ActionOrderStatus())
    talk.say(f"không phải đơn đó, {codes[0]} cơ", "deny", order_code=codes[0])
    assert await talk.responses(ActionDeny()) == []
    answers = await talk.run(ActionCorrect())
    assert [(a["response"], a["code"]) for a in answers] == [("utter_order_status", codes[0])]
    talk.say("không phải đơn đó em", "deny")
    assert await talk.responses(ActionDeny()) == []
    offered = await talk.run(ActionCorrect())
    assert {b["title"] for b in offered[0]["buttons"]} == set(codes)


async def test_a_correction_that_asks_something_of_its_own_is_answered_as_it_is(talk: Talk) -> None:
    talk.say("nồi cơm giá bao nhiêu", "ask_price")
    await talk.run(ActionAskPrice())
    talk.say("à nhầm, cho mình hỏi máy lọc nước có màu gì, xuất xứ ở đâu", "product_info")
    assert await talk.responses(ActionProductInfo()) == ["utter_product_info"]


@pytest.mark.parametrize(
    ("said", "intent"),
    [
        ("máy giặt giá bao nhiêu", "ask_price"),
        ("không phải ai cũng biết dùng đâu mà", "deny"),
        ("dạ cảm ơn cô", "affirm"),
        ("shop giao nhầm màu cho mình rồi", "return_exchange"),
        ("không phải lỗi của em đâu", "affirm"),
        ("không phải nồi cơm", "deny"),
    ],
)
async def test_what_names_nothing_else_is_no_correction(talk: Talk, said: str, intent: str) -> None:
    talk.say("nồi cơm giá bao nhiêu", "ask_price")
    await talk.run(ActionAskPrice())
    talk.say(said, intent)
    await talk.run(ActionDeny())
    assert talk.followup is None


DRAFT = {
    "complaint_description": "vắt kêu rầm rầm",
    "complaint_subject": "Máy giặt (đơn DH1)",
    "complaint_since": "hôm qua",
    "complaint_photos": [],
    "complaint_contact": "0901234567",
}


@pytest.mark.parametrize(
    ("said", "intent", "slot", "value"),
    [
        ("à nhầm, máy lọc nước cơ", "product_info", "complaint_subject", "LN09"),
        ("không phải máy giặt đâu, tủ lạnh cơ em", "deny", "complaint_subject", "TL320"),
        ("từ tuần trước mới đúng", "inform", "complaint_since", "tuần trước"),
        ("hôm 3/10 chứ không phải hôm qua", "inform", "complaint_since", "3/10"),
        ("số này mới đúng nè 0987 654 321", "update_profile", "complaint_contact", "0987654321"),
        ("đúng rồi nhưng gọi số 0987654321 nha", "affirm", "complaint_contact", "0987654321"),
        ("sửa sđt thành 0987654321", "update_profile", "complaint_contact", "0987654321"),
        ("sửa nội dung thành máy không vắt mà còn rò nước", "complaint", "complaint_description", "máy không vắt mà"),
        ("thiếu, thợ tới lắp còn làm bể hai viên gạch", "complaint", "complaint_description", "bể hai viên gạch"),
    ],
)
async def test_at_the_read_back_one_part_is_changed_and_read_back_again(
    talk: Talk, said: str, intent: str, slot: str, value: str
) -> None:
    talk.slots |= DRAFT | {"requested_slot": "complaint_confirm"}
    talk.loop = "complaint_form"
    talk.say(said, intent)
    await talk.run(ValidateComplaintForm())
    assert value in talk.slots[slot]
    assert talk.slots["requested_slot"] == "complaint_confirm"
    others = {key: old for key, old in DRAFT.items() if key != slot}
    assert {key: talk.slots[key] for key in others} == others


async def test_at_an_earlier_question_what_was_told_is_put_right_and_the_question_asked_again(talk: Talk) -> None:
    talk.slots |= DRAFT | {"complaint_contact": None, "complaint_photos": None, "requested_slot": "complaint_photos"}
    talk.loop = "complaint_form"
    talk.say("à nhầm, máy lọc nước cơ em", "product_info")
    assert await talk.responses(ValidateComplaintForm()) == ["utter_complaint_fixed"]
    assert "LN09" in talk.slots["complaint_subject"]
    assert talk.slots["requested_slot"] == "complaint_photos"


async def test_one_question_back_and_on_again(talk: Talk) -> None:
    talk.slots |= DRAFT | {"complaint_contact": None, "complaint_photos": None, "requested_slot": "complaint_photos"}
    talk.loop = "complaint_form"
    talk.say("quay lại câu trước", "out_of_scope")
    await talk.run(ValidateComplaintForm())
    assert talk.slots["requested_slot"] == "complaint_since"
    talk.say("tiếp tục đi", "affirm")
    await talk.run(ValidateComplaintForm())
    assert (talk.slots["requested_slot"], talk.slots["complaint_since"]) == ("complaint_since", None)


async def test_a_score_is_put_right_while_the_reason_is_asked(talk: Talk) -> None:
    talk.slots |= {"requested_slot": "rating_score"}
    talk.loop = "rating_form"
    talk.say("2 sao", "rate_service")
    await talk.run(ValidateRatingForm())
    talk.say("à nhầm, 4 sao mới đúng", "rate_service")
    assert await talk.responses(ValidateRatingForm()) == ["utter_rating_high"]
    assert (talk.slots["rating_score"], talk.slots["requested_slot"]) == (4, "rating_reason")
