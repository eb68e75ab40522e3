"""Conversations that do not go straight: two things at once, corrections, interruptions, anger, an order."""

import pytest
from sqlalchemy import select

from crm.models.care import Complaint, Severity
from crm.models.conversations import Conversation, Escalation, Mode
from crm.models.people import ChannelAccount
from operations.sandbox import Sandbox
from tests.e2e.people import newcomer, play

pytestmark = pytest.mark.e2e


def _talk(system: Sandbox, chat_id: int) -> Conversation:
    with system.database.read() as session:
        account = session.scalars(select(ChannelAccount).where(ChannelAccount.chat_id == chat_id)).one()
        return session.scalars(select(Conversation).where(Conversation.account_id == account.id)).one()


def _complaint(system: Sandbox, chat_id: int) -> Complaint:
    customer = _talk(system, chat_id).customer_id
    with system.database.read() as session:
        return session.scalars(select(Complaint).where(Complaint.customer_id == customer)).one()


def test_two_things_asked_at_once_are_both_answered(system: Sandbox) -> None:
    stranger = newcomer(system, 950_001)
    said = play(
        system, stranger,
        "> cho hỏi máy lọc nước giá bao nhiêu với lại shop mấy giờ đóng cửa vậy", r"(?s)LN09.*5\.690\.000đ.*8:00–21:00",
    )  # fmt: skip
    assert sum("5.690.000đ" in text for text in said) == 1


def test_the_last_question_is_answered_for_what_was_meant(system: Sandbox) -> None:
    stranger = newcomer(system, 950_002)
    play(
        system, stranger,
        "> nồi cơm giá bao nhiêu vậy shop", "NC18.*1.390.000đ",
        "> à nhầm, máy lọc nước cơ", r"(?s)LN09.*5\.690\.000đ",
        "> không phải máy lọc nước, tủ lạnh cơ em", r"(?s)TL320.*8\.490\.000đ",
    )  # fmt: skip


def test_a_complaint_outlives_interruptions_and_corrections(system: Sandbox) -> None:
    stranger = newcomer(system, 950_003)
    said = play(
        system, stranger,
        "> tôi muốn khiếu nại", "chuyện gì",
        "> chào em", "(?i)vẫn đang nghe",
        "> cái máy giặt vắt kêu rầm rầm như xe công nông, ngủ không được", "từ khi nào",
        "> cảm ơn em nha", "từ khi nào",
        "> từ tuần trước", "ảnh",
        "> tủ lạnh giá bao nhiêu vậy em", "8.490.000đ",
        "> à nhầm, máy lọc nước cơ", "sửa lại|ghi lại đúng",
        "[Bỏ qua]", "liên hệ",
        "[Nhắn ở đây]", "(?s)LN09.*tuần trước",
        "> từ hôm qua mới đúng", "(?s)LN09.*hôm qua",
        "[Đúng rồi]", r"KN-\d{4}-\d{6}",
    )  # fmt: skip
    complaint = _complaint(system, stranger)
    assert complaint.since == "từ hôm qua"
    with system.database.read() as session:
        product = session.get_one(Complaint, complaint.id).product
        assert product is not None
        assert product.sku == "SM-LN09"
    assert any("kêu rầm rầm" in text for text in said)


def test_whoever_says_goodbye_in_the_middle_goes_on_later(system: Sandbox) -> None:
    stranger = newcomer(system, 950_004)
    play(
        system, stranger,
        "> tôi muốn khiếu nại", "chuyện gì",
        "> thợ lắp máy lạnh làm bể gạch nhà tôi mà không xin lỗi một câu", "từ khi nào",
        "> thôi tôi đi đây, tạm biệt", "tiếp tục",
        "> tiếp tục", "từ khi nào",
        "> hôm kia", "ảnh",
        "> quay lại", "từ khi nào",
        "> hôm qua", "ảnh",
        "> dẹp đi", "huỷ",
    )  # fmt: skip


def test_a_complaint_in_anger_is_grave(system: Sandbox) -> None:
    stranger = newcomer(system, 950_005)
    play(
        system, stranger,
        "> LÀM ĂN NHƯ HẠCH!!! giao cái tủ lạnh móp méo, bực vcl, trả tiền lại đây", "(?i)xin lỗi",
        "> từ hôm qua", "ảnh",
        "[Bỏ qua]", "liên hệ",
        "[Nhắn ở đây]", "đúng chưa",
        "[Đúng rồi]", r"KN-\d{4}-\d{6}",
    )  # fmt: skip
    assert _complaint(system, stranger).severity is Severity.HIGH


def test_a_wish_to_buy_goes_to_a_person_with_the_product_named(system: Sandbox) -> None:
    stranger = newcomer(system, 950_006)
    play(
        system, stranger,
        "> nồi chiên không dầu giá bao nhiêu", "CK55",
        "> ok chốt đơn cho mình nha", "muốn lấy .*CK55.* phải không",
        "[Đúng rồi]", "đã (báo|ghi lại).* muốn lấy .*CK55",
    )  # fmt: skip
    talk = _talk(system, stranger)
    assert talk.mode is Mode.PEOPLE
    with system.database.read() as session:
        call = session.scalars(select(Escalation).where(Escalation.conversation_id == talk.id)).one()
    assert "CK55" in call.note


def test_no_alarm_where_danger_is_denied(system: Sandbox) -> None:
    stranger = newcomer(system, 950_007)
    said = play(
        system, stranger,
        "> quạt điều hoà chạy êm, không có mùi khét nhưng mà không mát thì phải làm sao", ".",
    )  # fmt: skip
    assert not any("aptomat" in text and "114" in text for text in said)
