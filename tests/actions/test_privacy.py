"""What a customer may ask about their own data, in the chat."""

import pytest
from sqlalchemy import select

from actions.privacy import ActionPrivacyRequest
from crm import complaints, consents
from crm.complaints import Report
from crm.models.conversations import Conversation
from crm.models.people import Purpose
from crm.models.privacy import PrivacyRequest, RequestKind
from tests.actions.conftest import Talk


def _requests(talk: Talk) -> list[RequestKind]:
    with talk.database.read() as session:
        return list(session.scalars(select(PrivacyRequest.kind)))


async def test_the_record_is_shown_at_once(talk: Talk) -> None:
    talk.say("cho mình xem thông tin shop đang giữ", "privacy_request")
    [shown] = await talk.run(ActionPrivacyRequest())
    assert shown["response"] == "utter_privacy_shown"
    assert (shown["known_name"], shown["known_phone"], shown["orders"]) == ("Nguyễn Văn Hùng", "0900000001", 3)
    assert "Quảng cáo: đã đồng ý" in shown["consents"]
    assert _requests(talk) == []


async def test_erasing_is_asked_twice_and_noted_once(talk: Talk) -> None:
    talk.say("xoa du lieu cua toi di", "privacy_request")
    [asked] = await talk.run(ActionPrivacyRequest())
    assert asked["response"] == "utter_privacy_erase"
    talk.say("/privacy_request", "privacy_request", answer="erase_surely")
    [again] = await talk.run(ActionPrivacyRequest())
    assert again["response"] == "utter_privacy_erase_again"
    assert _requests(talk) == []
    for _ in range(2):
        talk.say("/privacy_request", "privacy_request", answer="erase_finally")
        [noted] = await talk.run(ActionPrivacyRequest())
    assert noted["response"] == "utter_privacy_erase_noted"
    assert _requests(talk) == [RequestKind.ERASE]


@pytest.mark.parametrize("typed", ["erase_finally", "xác nhận xoá hẳn erase_finally"])
async def test_the_last_step_cannot_be_typed(talk: Talk, typed: str) -> None:
    talk.say(typed, "privacy_request", answer="erase_finally")
    await talk.run(ActionPrivacyRequest())
    assert _requests(talk) == []


async def test_an_open_complaint_holds_the_erasure(talk: Talk) -> None:
    with talk.database.begin() as session:
        conversation = session.get_one(Conversation, talk.metadata["conversation_id"])
        complaints.submit(session, conversation.customer, conversation, Report("Máy kêu to"))
    talk.say("/privacy_request", "privacy_request", answer="erase_finally")
    assert await talk.responses(ActionPrivacyRequest()) == ["utter_privacy_erase_held"]
    assert _requests(talk) == []


async def test_consent_is_withdrawn_at_once(talk: Talk) -> None:
    talk.say("tôi rút lại đồng ý", "privacy_request")
    assert await talk.responses(ActionPrivacyRequest()) == ["utter_privacy_withdrawn"]
    with talk.database.read() as session:
        who = talk.metadata["customer_id"]
        assert not any(consents.granted(session, who, each) for each in (Purpose.MARKETING, Purpose.GREETINGS))


async def test_a_copy_is_noted(talk: Talk) -> None:
    talk.say("cho xin bản sao dữ liệu cá nhân", "privacy_request")
    assert await talk.responses(ActionPrivacyRequest()) == ["utter_privacy_export"]
    assert _requests(talk) == [RequestKind.EXPORT]


async def test_a_worry_reaches_a_person(talk: Talk) -> None:
    talk.say("bị lộ số điện thoại, có người lạ gọi", "privacy_request")
    assert await talk.responses(ActionPrivacyRequest()) == ["utter_policy", "utter_privacy_passed_on"]
    assert len(talk.calls()) == 1
