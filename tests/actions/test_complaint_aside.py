"""At a complaint's questions: what is asked, a bare time, an answer that comes late, and "another time"."""

import pytest

from actions.complaint import ActionSubmitComplaint, is_only_time, since_in
from actions.complaint_form import ValidateComplaintForm
from tests.actions.conftest import Talk

STORY = "complaint_description"


async def _answer(talk: Talk, text: str, intent: str = "inform", confidence: float = 0.95) -> list[str]:
    talk.loop = "complaint_form"
    talk.say(text, intent, confidence)
    return await talk.responses(ValidateComplaintForm())


@pytest.mark.parametrize("confidence", [0.97, 0.62])
@pytest.mark.parametrize(
    ("said", "intent"),
    [
        ("cho hỏi shop mấy giờ mở cửa", "store_info"),
        ("bảo hành bao lâu vậy", "warranty"),
        ("co tra gop khong shop, bao nhieu thang", "payment"),
        ("cho em hỏi giao hàng về Cần Thơ mất mấy ngày", "delivery"),
    ],
)
async def test_a_question_at_the_first_step_is_left_to_its_answer(
    talk: Talk, said: str, intent: str, confidence: float
) -> None:
    talk.slots["requested_slot"] = STORY
    await _answer(talk, said, intent, confidence)
    assert talk.events == []
    assert talk.slots.get(STORY) is None


async def test_whether_there_is_something_is_a_question_too(talk: Talk) -> None:
    talk.slots |= {STORY: "máy kêu to", "requested_slot": "complaint_subject"}
    await _answer(talk, "mà shop có cho trả góp không em", "payment")
    assert talk.events == []


@pytest.mark.parametrize(
    ("said", "intent"),
    [
        ("sao giao hàng lâu vậy", "delivery"),
        ("máy hư mà gọi bảo hành mấy lần không ai tới", "warranty"),
        ("giao hàng kiểu gì mà móp hết cái tủ", "delivery"),
    ],
)
async def test_a_reproach_in_the_form_of_a_question_is_the_story(talk: Talk, said: str, intent: str) -> None:
    talk.slots["requested_slot"] = STORY
    await _answer(talk, said, intent, 0.62)
    assert talk.slots[STORY] == said


@pytest.mark.parametrize("said", ["từ hôm kia", "hôm qua", "tu thu 4 tuan truoc", "mới mua tháng trước", "hồi Tết"])
async def test_a_bare_time_is_kept_as_the_time_and_the_story_asked_again(talk: Talk, said: str) -> None:
    talk.slots["requested_slot"] = STORY
    assert await _answer(talk, said) == ["utter_since_noted"]
    assert talk.slots["complaint_since"] == said
    assert talk.slots[STORY] is None
    assert talk.slots["requested_slot"] == STORY


@pytest.mark.parametrize("said", ["hôm qua giao tới bị móp", "3 ngày nay máy không chạy", "nhân viên quát tôi"])
def test_a_story_with_a_time_is_no_bare_time(said: str) -> None:
    assert not is_only_time(said)


@pytest.mark.parametrize(
    ("said", "since"),
    [
        ("máy giặt hư thứ 4 tuần trước", "thứ 4 tuần trước"),
        ("hư hồi sáng thứ bảy tuần rồi", "hồi sáng thứ bảy tuần rồi"),
        ("mua ngày 3 tháng 9 năm ngoái", "ngày 3 tháng 9 năm ngoái"),
        ("may hu tu giua thang 9", "tu giua thang 9"),
        ("tủ lạnh hư từ tuần trước rồi", "từ tuần trước"),
        ("gọi lần thứ 3 rồi mà không ai nghe", None),
    ],
)
def test_the_whole_time_is_kept(said: str, since: str | None) -> None:
    assert since_in(said) == since


@pytest.fixture
def nearly_done(talk: Talk) -> Talk:
    """A complaint of which only the way to reach the customer is missing."""
    talk.slots |= {STORY: "máy kêu to", "complaint_subject": "máy giặt", "complaint_since": "hôm qua"}
    talk.slots |= {"complaint_photos": [], "requested_slot": "complaint_contact"}
    return talk


@pytest.mark.parametrize("said", ["không có hình", "hem có ảnh", "hổng có chụp hình em ơi"])
async def test_no_photo_said_late_is_no_phone_number(nearly_done: Talk, said: str) -> None:
    assert await _answer(nearly_done, said, "deny") == ["utter_no_photo_fine"]
    assert nearly_done.slots["requested_slot"] == "complaint_contact"
    assert nearly_done.slots[STORY] == "máy kêu to"


async def test_here_is_the_contact_whatever_it_sounds_like(nearly_done: Talk) -> None:
    await _answer(nearly_done, "nhắn ở đây nha em", "goodbye", 0.97)
    assert nearly_done.slots["complaint_contact"] == "nhắn trong khung chat này"


async def test_whom_not_to_call_is_no_word_of_photos(nearly_done: Talk) -> None:
    await _answer(nearly_done, "không gọi anh, nhắn ở đây", "deny")
    assert nearly_done.slots["complaint_contact"] == "nhắn trong khung chat này"


@pytest.mark.parametrize("asked", [STORY, "complaint_since", "complaint_photos", "complaint_contact"])
@pytest.mark.parametrize(
    ("said", "intent"),
    [
        ("thôi để mai nói tiếp", "goodbye"),
        ("để sau đi em", "deny"),
        ("đang bận, lát nữa chị nhắn lại", "goodbye"),
        ("toi nay tui ke tiep", "inform"),
    ],
)
async def test_another_time_keeps_the_draft(talk: Talk, asked: str, said: str, intent: str) -> None:
    talk.slots |= {"complaint_subject": "máy giặt", "requested_slot": asked}
    talk.slots |= {STORY: None if asked == STORY else "máy kêu to"}
    await _answer(talk, said, intent, 0.7)
    assert talk.slots["requested_slot"] is None
    assert await talk.responses(ActionSubmitComplaint()) == ["utter_goodbye_in_form"]
    assert talk.slots["complaint_subject"] == "máy giặt"
    assert talk.slots["complaint_confirm"] is None


async def test_with_nothing_told_there_is_nothing_to_keep(talk: Talk) -> None:
    talk.slots |= {"requested_slot": STORY}
    await _answer(talk, "thôi để mai nói tiếp", "goodbye")
    assert await talk.responses(ActionSubmitComplaint()) == ["utter_deny"]


@pytest.mark.parametrize(
    "said",
    ["nhân viên hẹn mai gọi lại nói chuyện mà không gọi", "hẹn mai giao mà không tới", "để mai giao lại cho tôi"],
)
async def test_a_promise_of_the_shops_is_story(talk: Talk, said: str) -> None:
    talk.slots["requested_slot"] = STORY
    await _answer(talk, said, "complaint")
    assert talk.slots[STORY] == said
