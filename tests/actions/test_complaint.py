import json
from datetime import timedelta

from sqlalchemy import func, select

from actions.complaint import ActionBeginComplaint, ActionComplaintStatus, ActionSubmitComplaint, since_in
from actions.complaint_form import ValidateComplaintForm
from actions.complaint_questions import AskComplaintSubject
from crm import case_news, clock, complaints
from crm.models.care import Complaint, ComplaintCategory, ComplaintState, Severity
from crm.models.staff import Staff
from tests.actions.conftest import Talk


async def _answer(talk: Talk, text: str, intent: str = "inform", **entities: str) -> list[str]:
    talk.loop = "complaint_form"
    talk.say(text, intent, **entities)
    return await talk.responses(ValidateComplaintForm())


async def _filled(talk: Talk) -> None:
    talk.say("máy giặt mua hôm qua bị rò điện tê tay, quá nguy hiểm", "complaint")
    await talk.run(ActionBeginComplaint())
    talk.slots["requested_slot"] = "complaint_photos"
    await _answer(talk, "/send_photo", "send_photo", photo="1/a.jpg")
    await _answer(talk, "/deny", "deny")
    await _answer(talk, "/inform", contact="phone")


async def test_the_first_message_tells_the_story_the_product_and_since_when(talk: Talk) -> None:
    talk.say("máy giặt mua về hôm qua giờ kêu to quá, chán thật", "complaint")
    assert await talk.responses(ActionBeginComplaint()) == ["utter_complaint_sorry"]
    assert talk.slots["complaint_description"].startswith("máy giặt mua về")
    assert "MG90" in talk.slots["complaint_subject"]
    assert "DH" in talk.slots["complaint_subject"]
    assert talk.slots["complaint_since"] == "hôm qua"


async def test_a_first_message_that_tells_nothing_is_asked_back(talk: Talk) -> None:
    talk.say("tôi muốn khiếu nại", "complaint")
    assert await talk.responses(ActionBeginComplaint()) == ["utter_complaint_begin"]
    assert talk.slots["complaint_description"] is None


async def test_the_customers_purchases_are_offered(talk: Talk) -> None:
    talk.say("/complaint", "complaint")
    [asked] = await talk.run(AskComplaintSubject())
    assert any("MG90" in button["title"] for button in asked["buttons"])
    assert asked["buttons"][-1]["payload"] == '/inform{"subject": "other"}'


async def test_recorded_once_with_code_severity_and_photo_however_often_the_turn_runs(talk: Talk) -> None:
    await _filled(talk)
    await _answer(talk, "đúng rồi", "affirm")
    assert talk.slots["complaint_confirm"] == "yes"
    draft = dict(talk.slots)
    [first] = await talk.run(ActionSubmitComplaint())
    talk.slots = draft
    [second] = await talk.run(ActionSubmitComplaint())
    assert first["response"] == "utter_complaint_recorded"
    assert first["code"] == second["code"]
    with talk.database.read() as session:
        newest = complaints.of_customer(session, talk.metadata["customer_id"])[0]
        assert newest.code == first["code"]
        assert (newest.severity, newest.category) == (Severity.HIGH, ComplaintCategory.PRODUCT_FAULT)
        assert newest.photos == ["1/a.jpg"]
        assert newest.contact == "0900000001"


async def test_confirmed_again_in_another_turn_it_is_still_one_complaint_until_it_is_settled(talk: Talk) -> None:
    await _filled(talk)
    await _answer(talk, "đúng rồi", "affirm")
    draft = dict(talk.slots)
    codes = []
    for _ in range(2):  # Rasa died after the commit: its memory still has the draft
        talk.say("đúng rồi", "affirm")
        talk.slots = dict(draft)
        [said] = await talk.run(ActionSubmitComplaint())
        codes.append(said["code"])
    talk.say("đúng rồi", "affirm")
    talk.slots = draft | {"complaint_description": "máy giặt vẫn rò điện"}
    [other] = await talk.run(ActionSubmitComplaint())
    assert codes[0] == codes[1] != other["code"]


async def test_cancelled_at_any_question_and_nothing_is_recorded(talk: Talk) -> None:
    await _filled(talk)
    with talk.database.read() as session:
        before = session.scalar(select(func.count(Complaint.id)))
    await _answer(talk, "thôi khỏi", "deny")
    assert talk.slots["requested_slot"] is None
    assert await talk.responses(ActionSubmitComplaint()) == ["utter_complaint_cancelled"]
    with talk.database.read() as session:
        assert session.scalar(select(func.count(Complaint.id))) == before


async def test_a_part_is_changed_on_request(talk: Talk) -> None:
    await _filled(talk)
    await _answer(talk, "/deny", "deny", answer="edit")
    assert talk.slots["requested_slot"] == "complaint_edit"
    await _answer(talk, "sửa số điện thoại", "update_profile")
    assert talk.slots["requested_slot"] == "complaint_contact"
    await _answer(talk, "0912 345 678")
    assert talk.slots["complaint_contact"] == "0912345678"
    assert talk.slots["requested_slot"] == "complaint_confirm"


async def test_a_question_in_the_middle_is_left_to_the_rules_and_an_answer_is_not(talk: Talk) -> None:
    talk.slots["requested_slot"] = "complaint_since"
    talk.loop = "complaint_form"
    talk.say("cách vệ sinh máy lạnh thế nào?", "product_usage")
    await talk.run(ValidateComplaintForm())
    assert talk.events == []
    await _answer(talk, "mua về cái là nó vậy luôn", "product_usage")
    assert talk.slots["complaint_since"] == "mua về cái là nó vậy luôn"


async def test_an_unreadable_phone_is_asked_for_again(talk: Talk) -> None:
    await _filled(talk)
    talk.slots["complaint_contact"] = None
    talk.slots["requested_slot"] = "complaint_contact"
    assert await _answer(talk, "0912 34") == ["utter_contact_hint"]
    assert talk.slots["requested_slot"] == "complaint_contact"


async def test_the_state_by_newest_and_somebody_elses_code(talk: Talk) -> None:
    await _filled(talk)
    await _answer(talk, "ừ đúng", "affirm")
    [recorded] = await talk.run(ActionSubmitComplaint())
    talk.loop = None
    talk.say("khiếu nại của tôi tới đâu", "complaint_status")
    [state] = await talk.run(ActionComplaintStatus())
    assert (state["response"], state["code"]) == ("utter_complaint_waiting", recorded["code"])
    talk.say("KN-2020-000001", "complaint_status", ticket_code="KN-2020-000001")
    assert await talk.responses(ActionComplaintStatus()) == ["utter_complaint_not_found"]


def _entities(payload: str) -> object:
    return json.loads(payload.removeprefix("/complaint_status"))


async def test_an_answer_that_did_not_help_takes_the_complaint_up_again_once(talk: Talk) -> None:
    await _filled(talk)
    await _answer(talk, "ừ đúng", "affirm")
    [recorded] = await talk.run(ActionSubmitComplaint())
    talk.loop = None
    with talk.database.begin() as session:
        complaint = session.scalars(select(Complaint).where(Complaint.code == recorded["code"])).one()
        complaints.resolve(session, complaint, session.scalars(select(Staff).limit(1)).one(), "Đã đổi máy ạ")
        payload = case_news.reopen_payload(complaint)
    talk.say("tới đâu rồi", "complaint_status")
    [answered] = await talk.run(ActionComplaintStatus())
    assert answered["response"] == "utter_complaint_answered"
    pressed = answered["buttons"][0]["payload"]
    assert _entities(pressed) == _entities(payload)
    for expected in ("utter_complaint_reopened", "utter_complaint_waiting"):
        talk.say(payload, "complaint_status", ticket_code=recorded["code"], part="reopen")
        assert await talk.responses(ActionComplaintStatus()) == [expected]
    with talk.database.begin() as session:
        again = session.scalars(select(Complaint).where(Complaint.code == recorded["code"])).one()
        assert again.state is ComplaintState.IN_PROGRESS
        complaints.resolve(session, again, session.scalars(select(Staff).limit(1)).one(), "Đã sửa hẳn ạ")
        again.resolved_at = clock.now() - timedelta(days=400)
    talk.say(payload, "complaint_status", ticket_code=recorded["code"], part="reopen")
    assert await talk.responses(ActionComplaintStatus()) == ["utter_complaint_too_old"]


def test_since_when_is_found_in_the_story() -> None:
    assert since_in("tủ lạnh hư từ tuần trước rồi") == "từ tuần trước"
    assert since_in("may hu 3 ngay nay") == "3 ngay nay"
    assert since_in("nhân viên nói chuyện khó nghe") is None


async def test_danger_comes_before_any_question(talk: Talk) -> None:
    talk.say("tủ lạnh bốc khói khét lẹt, tôi yêu cầu đổi ngay", "complaint")
    assert await talk.responses(ActionBeginComplaint()) == ["utter_safety_first", "utter_complaint_sorry"]


async def test_a_button_after_a_misunderstanding_takes_what_was_said(talk: Talk) -> None:
    talk.say("máy giặt kêu to quá, sửa mãi không xong", "nlu_fallback", 0.3)
    talk.say("/complaint", "complaint")
    await talk.run(ActionBeginComplaint())
    assert talk.slots["complaint_description"] == "máy giặt kêu to quá, sửa mãi không xong"
