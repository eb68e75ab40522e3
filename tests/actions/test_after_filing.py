"""Right after a complaint was sent: when it will be seen to is answered, and nothing is begun a second time."""

import pytest

from actions.base import CareAction
from actions.complaint import ActionBeginComplaint, ActionComplaintStatus, ActionSubmitComplaint
from actions.fallback import ActionFallback
from actions.handover import ActionTalkToHuman
from crm import complaints
from crm.models.conversations import Conversation, Mode
from tests.actions.conftest import Talk


@pytest.fixture
async def filed(talk: Talk) -> Talk:
    """The customer has just confirmed a complaint."""
    talk.say("đúng rồi em", "affirm")
    talk.slots |= {"complaint_description": "máy giặt kêu to", "complaint_confirm": "yes"}
    await talk.run(ActionSubmitComplaint())
    talk.said.append({"event": "action", "name": "action_submit_complaint"})
    return talk


@pytest.mark.parametrize(
    ("said", "intent", "action"),
    [
        ("vậy khi nào có người gọi", "talk_to_human", ActionTalkToHuman()),
        ("chừng nào shop gọi lại cho anh", "complaint", ActionBeginComplaint()),
        ("bao lau thi co nguoi xu ly", "nlu_fallback", ActionFallback()),
        ("mau xử lý giùm anh nha", "complaint", ActionBeginComplaint()),
        ("mai có ai tới coi máy không em", "complaint", ActionBeginComplaint()),
    ],
)
async def test_when_is_answered_by_the_promise(filed: Talk, said: str, intent: str, action: CareAction) -> None:
    with filed.database.read() as session:
        before = len(complaints.of_customer(session, filed.metadata["customer_id"]))
    filed.say("cảm ơn em", "thank")
    filed.say(said, intent)
    assert await filed.responses(action) == []
    assert filed.followup == "action_complaint_status"
    assert await filed.responses(ActionComplaintStatus()) == ["utter_complaint_waiting"]
    with filed.database.read() as session:
        assert len(complaints.of_customer(session, filed.metadata["customer_id"])) == before
        assert session.get_one(Conversation, filed.metadata["conversation_id"]).mode is Mode.ASSISTANT


async def test_a_new_story_begins_a_new_complaint(filed: Talk) -> None:
    filed.say("còn cái tủ lạnh mới giao cũng bị móp nữa, tôi bực lắm", "complaint")
    assert await filed.responses(ActionBeginComplaint()) == ["utter_complaint_sorry"]


async def test_long_after_it_a_person_is_called(filed: Talk) -> None:
    for _ in range(5):
        filed.say("máy lạnh giá sao", "ask_price")
    filed.say("khi nào có người gọi cho anh", "talk_to_human")
    assert (await filed.responses(ActionTalkToHuman()))[0].startswith("utter_handover")
