"""What customers say in the middle of a complaint: danger, cancelling, more of the story, a time that is none."""

import pytest

from actions.answers import ActionReceivePhoto
from actions.complaint import ActionBeginComplaint, ActionSubmitComplaint, substance, tells
from actions.complaint_form import ValidateComplaintForm
from actions.handover import ActionTalkToHuman
from crm import complaints
from crm.models.care import Severity
from crm.models.conversations import Conversation, Mode
from tests.actions.conftest import Talk


async def _answer(
    talk: Talk, text: str, intent: str = "inform", confidence: float = 0.95, **entities: str
) -> list[str]:
    talk.loop = "complaint_form"
    talk.say(text, intent, confidence, **entities)
    return await talk.responses(ValidateComplaintForm())


def _asked(talk: Talk, slot: str, **slots: object) -> None:
    talk.slots |= {"complaint_description": "giao hàng trễ quá", "complaint_subject": "tủ lạnh"} | slots
    talk.slots["requested_slot"] = slot


def _note(talk: Talk) -> str:
    with talk.database.read() as session:
        assert session.get_one(Conversation, talk.metadata["conversation_id"]).mode is Mode.ASSISTANT
    return talk.calls()[0].note


@pytest.mark.parametrize("intent", ["complaint", "product_usage", "out_of_scope", "deny"])
@pytest.mark.parametrize("asked", ["complaint_since", "complaint_photos", "complaint_contact", "complaint_confirm"])
async def test_danger_at_any_question_warns_calls_and_joins_the_story(talk: Talk, asked: str, intent: str) -> None:
    _asked(talk, asked, complaint_since="hôm qua", complaint_photos=[], complaint_contact="x")
    talk.slots[asked] = None
    assert await _answer(talk, "giờ cắm điện vô nó bốc khói luôn nè", intent) == ["utter_safety_first"]
    assert talk.slots["complaint_description"] == "giao hàng trễ quá\ngiờ cắm điện vô nó bốc khói luôn nè"
    assert talk.slots["requested_slot"] == asked
    assert "bốc khói" in _note(talk)


async def test_danger_as_the_story_warns_and_once(talk: Talk) -> None:
    talk.slots["requested_slot"] = "complaint_description"
    assert await _answer(talk, "mua cái lò vi sóng về xài thì bốc khói", "product_usage") == ["utter_safety_first"]
    assert talk.slots["requested_slot"] != "complaint_description"
    talk.slots["requested_slot"] = "complaint_since"
    assert await _answer(talk, "từ hôm qua là bốc khói rồi") == []
    assert talk.slots["complaint_since"] == "từ hôm qua"


async def test_danger_said_late_makes_the_complaint_grave(talk: Talk) -> None:
    _asked(talk, "complaint_since")
    await _answer(talk, "mới hôm qua bị giật điện nè")
    assert talk.slots["complaint_since"] == "hôm qua"
    talk.slots |= {"complaint_photos": [], "complaint_contact": "x", "complaint_confirm": "yes"}
    await talk.run(ActionSubmitComplaint())
    with talk.database.read() as session:
        assert complaints.of_customer(session, talk.metadata["customer_id"])[0].severity is Severity.HIGH


async def test_a_person_asked_for_in_danger_is_not_kept_in_the_form_and_is_warned(talk: Talk) -> None:
    _asked(talk, "complaint_since")
    await _answer(talk, "cho tôi gặp nhân viên gấp, máy bốc khói", "talk_to_human")
    assert talk.events == []
    assert (await talk.responses(ActionTalkToHuman()))[0] == "utter_safety_first"


@pytest.mark.parametrize("asked", ["complaint_subject", "complaint_since", "complaint_photos", "complaint_confirm"])
@pytest.mark.parametrize(
    ("said", "intent"),
    [
        ("kệ đi, không gửi khiếu nại nữa", "opt_out"),
        ("thôi khỏi, hông khiếu nại nữa", "deny"),
        ("tôi không cần nữa, dẹp đi", "opt_out"),
        ("thoi khong khieu nai nua em", "complaint"),
        ("ko khiếu nại gì nữa hết", "inform"),
        ("bỏ đi em ơi", "inform"),
        ("dẹp luôn đi", "out_of_scope"),
        ("huỷ", "deny"),
        ("đừng ghi khiếu nại nữa", "deny"),
        ("huỷ khiếu nại này giúp tôi đi", "opt_out"),
    ],
)
async def test_no_in_many_words_cancels(talk: Talk, asked: str, said: str, intent: str) -> None:
    _asked(talk, asked)
    talk.slots[asked] = None
    await _answer(talk, said, intent)
    assert talk.slots.get("complaint_confirm") == "cancel"


@pytest.mark.parametrize(
    "said",
    [
        "tôi không khiếu nại thì shop đâu có chịu đổi",
        "shop hứa giao mà không giao nữa",
        "nhân viên bảo tôi huỷ đơn rồi lại giao",
        "khiếu nại rồi mà không ai gọi lại",
        "không gửi hoá đơn cho tôi",
        "bỏ đi không xài được",
        "đúng khiếu nại về máy giặt",
        "bỏ hết đồ ăn trong tủ rồi",
    ],
)
async def test_a_no_inside_the_story_does_not_cancel(talk: Talk, said: str) -> None:
    talk.slots["requested_slot"] = "complaint_description"
    await _answer(talk, said, "complaint")
    assert talk.slots["complaint_description"] == said


async def test_staff_spoken_of_at_a_question_is_story_and_no_call_for_a_person(talk: Talk) -> None:
    _asked(talk, "complaint_since")
    await _answer(talk, "nhân viên nói chuyện cộc lốc với cô", "talk_to_human")
    assert talk.slots["complaint_description"].endswith("nhân viên nói chuyện cộc lốc với cô")
    await _answer(talk, "nhân viên đâu", "talk_to_human")
    assert talk.events == []


async def test_no_more_photos_goes_on(talk: Talk) -> None:
    _asked(talk, "complaint_photos", complaint_since="hôm qua")
    await _answer(talk, "không gửi nữa", "deny")
    assert talk.slots["complaint_photos"] == []
    assert talk.slots["requested_slot"] == "complaint_contact"


async def test_advertising_is_stopped_aside_and_nothing_else_is_taken_for_it(talk: Talk) -> None:
    _asked(talk, "complaint_since")
    await _answer(talk, "đừng gửi tin quảng cáo cho tôi nữa", "opt_out")
    assert talk.events == []
    talk.slots["requested_slot"] = "complaint_description"
    talk.slots["complaint_description"] = None
    await _answer(talk, "thợ đừng tới nhà tôi nữa, làm bể cái tủ rồi", "opt_out")
    assert talk.slots["complaint_description"].startswith("thợ đừng tới")


@pytest.mark.parametrize(
    "said", ["tui muốn khiếu nại", "em muốn khiếu nại ạ", "cho tôi gửi khiếu nại", "toi can phan anh"]
)
async def test_the_wish_to_complain_is_no_story(talk: Talk, said: str) -> None:
    assert substance(said) == ""
    talk.say(said, "complaint")
    assert await talk.responses(ActionBeginComplaint()) == ["utter_complaint_begin"]
    talk.slots["requested_slot"] = "complaint_description"
    await _answer(talk, said, "complaint")
    assert talk.slots["complaint_description"] is None


def test_what_tells_and_what_only_names() -> None:
    assert not tells("khiếu nại về nhân viên giao hàng")
    assert not tells("em muốn khiếu nại cái máy giặt")
    assert tells("tôi muốn khiếu nại máy giặt bị hư bơm")
    assert tells("bốc khói")
    assert tells("giao hàng trễ cả tuần, quá tệ, tôi muốn khiếu nại")


async def test_what_it_is_about_is_kept_with_the_story(talk: Talk) -> None:
    talk.say("khiếu nại về nhân viên giao hàng", "complaint")
    assert await talk.responses(ActionBeginComplaint()) == ["utter_complaint_begin"]
    talk.slots["requested_slot"] = "complaint_description"
    await _answer(talk, "tới nhà chửi mẹ tôi", "complaint")
    assert talk.slots["complaint_description"] == "khiếu nại về nhân viên giao hàng\ntới nhà chửi mẹ tôi"


async def test_a_long_answer_to_which_product_is_story_too(talk: Talk) -> None:
    _asked(talk, "complaint_subject", complaint_subject=None)
    said = "cái máy giặt hông vắt gì hết, đồ ướt nhẹp hư hết trơn"
    assert await _answer(talk, said) == ["utter_story_added"]
    assert talk.slots["complaint_description"] == f"giao hàng trễ quá\n{said}"
    assert "MG90" in talk.slots["complaint_subject"]
    _asked(talk, "complaint_subject", complaint_subject=None)
    await _answer(talk, "nhân viên giao hàng chửi mẹ tôi", "complaint")
    assert "chửi mẹ tôi" in talk.slots["complaint_description"]
    assert "chửi" not in talk.slots["complaint_subject"]


@pytest.mark.parametrize(
    "said", ["hôm 3/10", "mới mua tuần trước", "lâu rồi", "10 ngày", "từ lúc lắp xong tới giờ", "9/10"]
)
async def test_a_time_is_taken(talk: Talk, said: str) -> None:
    _asked(talk, "complaint_since")
    await _answer(talk, said)
    assert talk.slots["complaint_since"] == said
    assert talk.slots["complaint_description"] == "giao hàng trễ quá"


async def test_what_is_no_time_joins_the_story_and_is_asked_once_more(talk: Talk) -> None:
    _asked(talk, "complaint_since")
    await _answer(talk, "máy giặt cửa ngang 9kg")
    assert talk.slots.get("complaint_since") is None
    assert talk.slots["requested_slot"] == "complaint_since"
    assert talk.slots["complaint_description"].endswith("máy giặt cửa ngang 9kg")
    await _answer(talk, "nó kêu rầm rầm không ai chịu nổi")
    assert talk.slots["complaint_since"] == "chưa rõ từ khi nào"
    assert talk.slots["requested_slot"] == "complaint_photos"


async def test_the_words_below_a_photo_are_story_and_are_warned_of(talk: Talk) -> None:
    _asked(talk, "complaint_photos", complaint_since="hôm qua")
    said = await _answer(talk, "/send_photo", "send_photo", photo="1/a.jpg", caption="chỗ này bị bốc cháy nè")
    assert said == ["utter_safety_first"]
    assert talk.slots["complaint_description"].endswith("chỗ này bị bốc cháy nè")
    assert talk.slots["pending_photos"] == ["1/a.jpg"]


async def test_a_photo_with_words_outside_of_a_complaint(talk: Talk) -> None:
    talk.say("/send_photo", "send_photo", photo="1/a.jpg", caption="máy giặt giao tới móp hết một bên")
    assert await talk.responses(ActionReceivePhoto()) == ["utter_photo_received"]
    talk.say("/complaint", "complaint")
    assert await talk.responses(ActionBeginComplaint()) == ["utter_complaint_sorry"]
    assert talk.slots["complaint_description"] == "máy giặt giao tới móp hết một bên"
    talk.say("/send_photo", "send_photo", photo="1/b.jpg", caption="ổ cắm máy giặt toé lửa")
    assert await talk.responses(ActionReceivePhoto()) == ["utter_danger_recorded"]
    assert talk.followup == "complaint_form"
    assert talk.slots["pending_photos"] == ["1/a.jpg", "1/b.jpg"]
    assert "toé lửa" in _note(talk)


async def test_more_of_the_story_instead_of_a_time_is_taken_and_said_so(talk: Talk) -> None:
    _asked(talk, "complaint_since")
    assert await _answer(talk, "kê lại chân máy rồi mà nó vẫn kêu rầm rầm", "complaint") == ["utter_story_added"]
    assert "vẫn kêu rầm rầm" in talk.slots["complaint_description"]
    assert talk.slots["requested_slot"] == "complaint_since"
