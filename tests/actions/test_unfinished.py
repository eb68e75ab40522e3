"""A complaint left in the middle, and what is said in the middle of one."""

import pytest

from actions.also import ActionAlso
from actions.answers import ActionInform
from actions.aside import ActionAnswerAside
from actions.complaint import ActionBeginComplaint
from actions.complaint_form import ValidateComplaintForm
from actions.order import ActionOrderStatus
from actions.unfinished import ActionDropComplaint, ActionOfferDraft, ActionResumeComplaint
from actions.yes_no import ActionAffirm, ActionDeny
from tests.actions.conftest import Talk

STORY = "máy giặt vắt kêu rầm rầm như xe công nông"


@pytest.fixture
def left(talk: Talk) -> Talk:
    """The customer told the story and the product, and wrote nothing for a day."""
    talk.slots |= {"complaint_description": STORY, "complaint_subject": "Máy giặt", "requested_slot": "complaint_since"}
    talk.come_back()
    return talk


async def test_a_greeting_the_next_day_is_told_where_it_was_left(left: Talk) -> None:
    left.say("chào em", "greet")
    (said,) = await left.run(ActionAlso())
    assert (said["response"], said["about"]) == ("utter_draft_kept", STORY)
    assert [choice["title"] for choice in said["buttons"]] == ["Tiếp tục", "Bỏ qua"]
    assert left.slots["expecting"] == "draft"


async def test_another_question_is_answered_first_and_the_offer_made_once(left: Talk) -> None:
    left.say("đơn của tôi tới đâu rồi", "order_status")
    assert await left.responses(ActionOrderStatus()) == ["utter_order_status", "utter_draft_kept"]
    left.say("đơn của tôi tới đâu rồi", "order_status")
    assert await left.responses(ActionOrderStatus()) == ["utter_order_status"]


async def test_an_answer_to_the_old_question_is_met_with_the_offer(left: Talk) -> None:
    left.say("từ hôm kia", "inform")
    assert await left.responses(ActionInform()) == []
    assert left.followup == "action_offer_draft"
    assert await left.responses(ActionOfferDraft()) == ["utter_draft_kept"]


async def test_it_goes_on_with_the_first_open_question(left: Talk) -> None:
    left.say('/affirm{"answer":"resume"}', "affirm", answer="resume")
    assert await left.responses(ActionAffirm()) == []
    assert left.followup == "action_resume_complaint"
    assert await left.responses(ActionResumeComplaint()) == ["utter_complaint_resumed"]
    assert left.followup == "complaint_form"
    left.loop = "complaint_form"
    left.said.append({"event": "action", "name": "action_resume_complaint"})
    await left.run(ValidateComplaintForm())
    assert left.slots["requested_slot"] == "complaint_since"
    assert left.slots["complaint_description"] == STORY


@pytest.mark.parametrize("said", ["tiếp tục", "tiếp tục đi em", "làm tiếp đi", "tiep tuc nha"])
async def test_words_go_on_too_at_any_time(left: Talk, said: str) -> None:
    left.say("shop ở đâu", "greet")
    await left.run(ActionAlso())
    left.say("ừ", "affirm")
    left.say(said, "affirm")
    assert await left.responses(ActionAffirm()) == []
    assert left.followup == "action_resume_complaint"


async def test_dropped_it_is_forgotten(left: Talk) -> None:
    left.say('/deny{"answer":"drop"}', "deny", answer="drop")
    assert await left.responses(ActionDeny()) == []
    assert left.followup == "action_drop_complaint"
    assert await left.responses(ActionDropComplaint()) == ["utter_complaint_cancelled"]
    assert left.slots["complaint_description"] is None
    left.said.insert(0, {"event": "session_started"})
    left.say("chào em", "greet")
    assert await left.responses(ActionAlso()) == []


async def test_the_bare_wish_to_complain_is_offered_the_old_one_and_a_new_story_begins_anew(left: Talk) -> None:
    left.say("tôi muốn khiếu nại", "complaint")
    assert await left.responses(ActionBeginComplaint()) == ["utter_draft_kept"]
    assert left.followup == "action_listen"
    left.say("tủ lạnh mới giao hôm qua đã không lạnh gì hết", "complaint")
    assert await left.responses(ActionBeginComplaint()) == ["utter_complaint_sorry"]
    assert left.slots["complaint_description"].startswith("tủ lạnh mới giao")


async def test_without_a_long_silence_or_a_draft_nothing_is_offered(talk: Talk) -> None:
    talk.say("chào em", "greet")
    assert await talk.responses(ActionAlso()) == []
    talk.slots |= {"complaint_description": STORY}
    talk.say("chào em", "greet")
    assert await talk.responses(ActionAlso()) == []


@pytest.mark.parametrize(
    ("said", "intent", "response"),
    [
        ("chào em", "greet", "utter_greet_in_form"),
        ("cảm ơn em nha", "thank", "utter_thank"),
        ("em là robot hả", "ask_bot", "utter_ask_bot_in_form"),
        ("thôi chị đi ăn cơm đã, bye em nha", "goodbye", "utter_goodbye_in_form"),
    ],
)
@pytest.mark.parametrize("asked", ["complaint_since", "complaint_photos", "complaint_contact", "complaint_subject"])
async def test_small_talk_is_no_answer(talk: Talk, asked: str, said: str, intent: str, response: str) -> None:
    talk.slots |= {"complaint_description": STORY, "requested_slot": asked}
    talk.loop = "complaint_form"
    talk.say(said, intent)
    await talk.run(ValidateComplaintForm())
    assert talk.events == []
    assert await talk.responses(ActionAnswerAside()) == [response]
    left = {"event": "active_loop", "timestamp": None, "name": None} in talk.events
    assert (left, talk.followup) == ((True, "action_listen") if intent == "goodbye" else (False, None))
    assert talk.slots["complaint_description"] == STORY


async def test_thanks_with_an_answer_is_the_answer(talk: Talk) -> None:
    talk.slots |= {"complaint_description": STORY, "complaint_subject": "x", "requested_slot": "complaint_since"}
    talk.loop = "complaint_form"
    talk.say("cảm ơn em, từ hôm qua", "thank")
    await talk.run(ValidateComplaintForm())
    assert "hôm qua" in talk.slots["complaint_since"]


@pytest.mark.parametrize(
    "said", ["đéo có ảnh", "hông có hình nào hết", "ko chụp ảnh", "lấy đâu ra hình", "khong co anh dau em"]
)
async def test_no_photo_in_many_words(talk: Talk, said: str) -> None:
    talk.slots |= {"complaint_description": STORY, "complaint_subject": "x", "complaint_since": "hôm qua"}
    talk.slots["requested_slot"] = "complaint_photos"
    talk.loop = "complaint_form"
    talk.say(said, "complaint")
    await talk.run(ValidateComplaintForm())
    assert talk.slots["requested_slot"] == "complaint_contact"
    assert talk.slots["complaint_description"] == STORY


async def test_a_number_to_be_called_on_is_the_contact_and_no_call_for_a_person(talk: Talk) -> None:
    talk.slots |= {"complaint_description": STORY, "complaint_subject": "x", "complaint_since": "hôm qua"}
    talk.slots |= {"complaint_photos": [], "requested_slot": "complaint_contact"}
    talk.loop = "complaint_form"
    talk.say("số này 0912345678 gọi cho bác", "talk_to_human")
    await talk.run(ValidateComplaintForm())
    assert talk.slots["complaint_contact"] == "0912345678"
