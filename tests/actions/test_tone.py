"""Anger is answered calmly, raises a complaint's severity, and brings a person when it goes on."""

from actions.complaint import ActionBeginComplaint, ActionSubmitComplaint
from actions.complaint_form import ValidateComplaintForm
from actions.fallback import ActionFallback
from actions.order import ActionOrderStatus
from actions.policy import ActionTellPolicy
from actions.yes_no import ActionOutOfScope
from crm import complaints
from crm.models.care import Severity
from tests.actions.conftest import Talk

READY = {"complaint_photos": [], "complaint_contact": "x", "complaint_since": "hôm qua", "complaint_subject": "x"}


def _severity(talk: Talk) -> Severity:
    with talk.database.read() as session:
        return complaints.of_customer(session, talk.metadata["customer_id"])[0].severity


async def test_a_complaint_in_anger_is_grave_and_answered_shortly(talk: Talk) -> None:
    talk.say("LÀM ĂN VẬY ĐÓ HẢ, giao cái tủ móp méo hết trơn", "complaint", anger=0.8)
    assert await talk.responses(ActionBeginComplaint()) == ["utter_complaint_sorry_angry"]
    talk.slots |= READY | {"complaint_confirm": "yes"}
    await talk.run(ActionSubmitComplaint())
    assert _severity(talk) is Severity.HIGH
    assert talk.slots["complaint_angry"] is None


async def test_anger_that_comes_later_counts_and_a_calm_complaint_does_not(talk: Talk) -> None:
    talk.say("giao cái tủ bị móp một góc nhỏ bên hông", "complaint", anger=0.1)
    assert await talk.responses(ActionBeginComplaint()) == ["utter_complaint_sorry"]
    talk.slots |= READY | {"complaint_confirm": "yes"}
    await talk.run(ActionSubmitComplaint())
    assert _severity(talk) is Severity.NORMAL
    talk.say("giao cái tủ bị móp một góc nhỏ bên hông", "complaint", anger=0.1)
    await talk.run(ActionBeginComplaint())
    talk.loop = "complaint_form"
    talk.slots["requested_slot"] = "complaint_since"
    talk.say("hôm qua chứ hôm nào, hỏi gì hỏi lắm vậy", "complaint", anger=0.9)
    await talk.run(ValidateComplaintForm())
    talk.slots |= READY | {"complaint_confirm": "yes"}
    await talk.run(ActionSubmitComplaint())
    assert _severity(talk) is Severity.HIGH


async def test_one_apology_and_after_three_angry_messages_a_person_is_offered(talk: Talk) -> None:
    talk.say("đơn của tôi đâu, lâu quá vậy trời", "order_status", anger=0.7)
    assert await talk.responses(ActionOrderStatus()) == ["utter_sorry_first", "utter_order_status"]
    talk.say("giao hàng kiểu gì mà cả tuần", "delivery", anger=0.7)
    assert await talk.responses(ActionTellPolicy()) == ["utter_policy"]
    talk.say("đơn đâu???", "order_status", anger=0.7)
    assert await talk.responses(ActionOrderStatus()) == ["utter_order_status", "utter_angry_person"]
    assert talk.slots["expecting"] == "person"
    talk.say("cho hỏi giao hàng mấy ngày", "delivery", anger=0.0)
    await talk.run(ActionTellPolicy())
    talk.say("bực quá, đơn đâu", "order_status", anger=0.7)
    assert await talk.responses(ActionOrderStatus()) == ["utter_sorry_first", "utter_order_status"]


async def test_three_angry_answers_in_a_form_offer_a_person_and_lose_no_question(talk: Talk) -> None:
    talk.slots |= {"complaint_description": "giao trễ", "requested_slot": "complaint_subject"}
    talk.loop = "complaint_form"
    for said in ("tủ lạnh chứ gì nữa", "hôm qua, hỏi hoài"):
        talk.say(said, "complaint", anger=0.8)
        assert "utter_angry_person" not in await talk.responses(ValidateComplaintForm())
    talk.say("hỏi gì lắm thế, làm ăn như hạch", "complaint", anger=0.8)
    assert await talk.responses(ValidateComplaintForm()) == ["utter_angry_nearly_done", "utter_angry_person"]
    assert talk.slots["requested_slot"] == "complaint_photos"


async def test_scolding_that_asks_for_nothing_is_listened_to(talk: Talk) -> None:
    talk.say("đồ lừa đảo, làm ăn như cái chợ", "out_of_scope", anger=0.9)
    assert await talk.responses(ActionOutOfScope()) == ["utter_angry_listen"]
    talk.say("vcl luôn", "nlu_fallback", 0.3, anger=0.9)
    assert await talk.responses(ActionFallback()) == ["utter_angry_listen"]
    assert talk.calls() == []


async def test_mere_scolding_is_asked_what_happened(talk: Talk) -> None:
    talk.say("ĐM SHOP LÀM ĂN KIỂU GÌ VẬY???", "complaint", anger=0.95)
    assert await talk.responses(ActionBeginComplaint()) == ["utter_complaint_sorry_angry"]
    assert talk.slots["complaint_description"] is None


async def test_scolding_instead_of_an_answer_is_no_story_and_the_question_stays(talk: Talk) -> None:
    talk.slots |= {"complaint_description": "giao trễ", "complaint_subject": "x", "requested_slot": "complaint_since"}
    talk.loop = "complaint_form"
    talk.say("hỏi cc gì lắm thế", "complaint", anger=0.9)
    assert await talk.responses(ValidateComplaintForm()) == ["utter_angry_nearly_done"]
    assert talk.slots["complaint_description"] == "giao trễ"
    assert (talk.slots["requested_slot"], talk.slots["complaint_angry"]) == ("complaint_since", True)


async def test_who_has_complained_already_is_not_asked_again_what_happened(talk: Talk) -> None:
    talk.say("giao cái tủ móp méo hết trơn", "complaint", anger=0.8)
    await talk.run(ActionBeginComplaint())
    talk.slots |= READY | {"complaint_confirm": "yes"}
    await talk.run(ActionSubmitComplaint())
    talk.say("không đổi máy mới thì tao bóc phốt lên mạng", "out_of_scope", anger=0.9)
    said = await talk.run(ActionOutOfScope())
    assert [each["response"] for each in said] == ["utter_angry_told"]
    assert said[0]["code"].startswith("KN-")
    assert [each["title"] for each in said[0]["buttons"]] == ["Gặp nhân viên"]
