"""The conversations of the product, as customers have them: through Telegram's API, Rasa, the actions and the CRM."""

import re

import pytest
from sqlalchemy import select

from crm import clock, consents
from crm.models.care import Complaint, ComplaintCategory, Rating, Severity
from crm.models.conversations import Conversation, Escalation, EscalationReason
from crm.models.people import ChannelAccount, Customer, Purpose
from operations.sandbox import Sandbox
from tests.e2e.people import newcomer, play

pytestmark = pytest.mark.e2e
HUNG, MAI, HOA, KHOA, TAM = 100001, 100002, 100003, 100004, 100005


def customer_of(system: Sandbox, chat_id: int) -> Customer:
    with system.database.read() as session:
        account = session.scalars(select(ChannelAccount).where(ChannelAccount.chat_id == chat_id)).one()
        return session.get_one(Customer, account.customer_id)


def test_a_newcomer_meets_a_machine_that_says_so_and_a_menu(system: Sandbox) -> None:
    stranger = newcomer(system, 910_001)
    play(
        system, stranger,
        "/start", "trợ lý tự động", "chọn nhanh|giúp gì",
        "> bạn là người hay máy vậy", "là máy",
        "> cam on nha", "cảm ơn|không có gì",
        "> thôi mình đi đây, bye shop", "chào|hẹn|tạm biệt|vui",
    )  # fmt: skip


def test_the_assistant_keeps_the_right_form_of_address(system: Sandbox) -> None:
    said = play(system, HOA, "/start", "chọn nhanh|giúp gì", "> cháu giúp được gì cho cô", "Cháu")
    assert all("anh/chị" not in text for text in said)
    assert any("cô" in text for text in said)


def test_a_usage_question_is_answered_in_steps_with_the_article_named(system: Sandbox) -> None:
    said = play(
        system, TAM,
        "> máy giặt không vắt được, đồ còn ướt sũng", "Có giúp được",
        "[Có]", "tốt quá|vui|mừng",
    )  # fmt: skip
    answer = next(text for text in said if "Có giúp được bác" in text)
    assert "“Lỗi thường gặp của máy giặt cửa ngang”" in answer
    assert re.search(r"^1\. .+^2\. .+^3\. ", answer, re.DOTALL | re.MULTILINE)


def test_a_no_after_the_answer_leads_to_a_person(system: Sandbox) -> None:
    stranger = newcomer(system, 910_002)
    play(system, stranger, "> may giat khong vat duoc do con uot sung", "Có giúp được", "[Chưa được]", "nhân viên")
    with system.database.read() as session:
        account = session.scalars(select(ChannelAccount).where(ChannelAccount.chat_id == stranger)).one()
        talk = session.scalars(select(Conversation).where(Conversation.account_id == account.id)).one()
        call = session.scalars(select(Escalation).where(Escalation.conversation_id == talk.id)).one()
    assert call.reason is EscalationReason.NOT_HELPFUL


def test_a_complaint_is_taken_down_read_back_and_promised_an_answer(system: Sandbox) -> None:
    before = clock.now()
    said = play(
        system, HUNG,
        "> tôi muốn khiếu nại", "chuyện gì",
        "> máy giặt mới lắp được hơn tháng mà vắt kêu rầm rầm như xe công nông", "từ khi nào",
        "> từ tuần trước", "ảnh",
        "/photo", "(?i)ảnh",
        "[Xong, tiếp tục]", "liên hệ",
        "[Nhắn ở đây]", "(?i)đúng chưa|đọc lại|đúng không",
        "[Đúng rồi]", r"KN-\d{4}-\d{6}",
        "> khiếu nại của anh tới đâu rồi em", r"KN-\d{4}-\d{6}",
    )  # fmt: skip
    code = next(match[0] for text in said if (match := re.search(r"KN-\d{4}-\d{6}", text)))
    with system.database.read() as session:
        complaint = session.scalars(select(Complaint).where(Complaint.code == code)).one()
        assert complaint.product is not None
        assert complaint.product.sku == "NS-MG90"
    assert complaint.created_at >= before
    assert complaint.category is ComplaintCategory.PRODUCT_FAULT
    assert complaint.severity in Severity
    assert len(complaint.photos) == 1
    assert any("trước" in text and "/20" in text for text in said), "no promise with a date"


def test_a_score_in_words_is_stored_with_its_reason_and_a_low_one_calls_a_person(system: Sandbox) -> None:
    play(
        system, KHOA,
        "> mình muốn đánh giá dịch vụ", "điểm|sao",
        "> quá tệ", "xin lỗi",
        "> giao trễ 3 ngày mà không ai báo", "(?i)ghi|cảm ơn|nhân viên",
    )  # fmt: skip
    customer = customer_of(system, KHOA)
    with system.database.read() as session:
        mine = select(Rating).where(Rating.customer_id == customer.id).order_by(Rating.id.desc())
        rating = session.scalars(mine).first()
        talk = session.scalars(select(Conversation).where(Conversation.customer_id == customer.id)).one()
        call = session.scalars(select(Escalation).where(Escalation.conversation_id == talk.id)).one()
    assert rating is not None
    assert (rating.score, rating.reason) == (1, "giao trễ 3 ngày mà không ai báo")
    assert call.reason is EscalationReason.LOW_RATING


def test_the_profile_is_changed_in_the_customers_own_words(system: Sandbox) -> None:
    stranger = newcomer(system, 910_003, "Lan Anh")
    play(
        system, stranger,
        "> gọi mình là chị nha", "(?i)chị",
        "> số điện thoại của chị là 0900 000 777", "0900",
        "> sinh nhật chị 15/8 âm lịch năm 1990", "15/0?8|15 tháng 8",
    )  # fmt: skip
    customer = customer_of(system, stranger)
    assert customer.address.value == "chị"
    assert customer.phone == "0900000777"
    with system.database.read() as session:
        (birthday,) = session.get_one(Customer, customer.id).occasions
    assert (birthday.calendar.value, birthday.day, birthday.month, birthday.year) == ("lunar", 15, 8, 1990)


def test_advertising_is_stopped_at_once_and_resumed_only_after_a_yes(system: Sandbox) -> None:
    play(system, MAI, "> STOP", r"ngừng gửi quảng cáo .* \d\d:\d\d ngày")
    customer = customer_of(system, MAI)
    with system.database.read() as session:
        assert not consents.granted(session, customer.id, Purpose.MARKETING)
    play(system, MAI, "> cho chị nhận lại tin khuyến mãi nha", "đồng ý", "> ừ đồng ý", r"đăng ký nhận tin .*\d\d:\d\d")
    with system.database.read() as session:
        assert consents.granted(session, customer.id, Purpose.MARKETING)


def test_two_misunderstandings_offer_two_meanings_then_a_person(system: Sandbox) -> None:
    stranger = newcomer(system, 910_004)
    play(
        system, stranger,
        "> xanh tờ giấy kia hai ba bốn", "nói (rõ|cách)|diễn đạt|nhắn lại|chưa hiểu",
        "> bảy tám cái ghế đi ngang", "(?i)ý|muốn",
        "> chín mười lá rơi kế bên", "nhân viên",
    )  # fmt: skip
    with system.database.read() as session:
        account = session.scalars(select(ChannelAccount).where(ChannelAccount.chat_id == stranger)).one()
        talk = session.scalars(select(Conversation).where(Conversation.account_id == account.id)).one()
        call = session.scalars(select(Escalation).where(Escalation.conversation_id == talk.id)).one()
    assert call.reason is EscalationReason.NOT_UNDERSTOOD


@pytest.mark.parametrize("text", ["/restart", '/inform{"amount":0}', "😀😀😀", "a" * 4096, "ủ" * 900, "<b>&_*["])
def test_odd_texts_get_an_answer_and_change_nothing(system: Sandbox, text: str) -> None:
    stranger = newcomer(system, 920_000 + len(text))
    play(system, stranger, f"> {text}", "trợ lý tự động", ".")


def test_what_is_not_text_gets_a_sensible_answer(system: Sandbox) -> None:
    stranger = newcomer(system, 910_005)
    for body, word in (
        ({"sticker": "👍"}, "chữ"),
        ({"voice": {"duration": 3}}, "thoại"),
        ({"location": {"latitude": 10.7, "longitude": 106.6}}, "địa chỉ"),
    ):
        sent = system.control(f"chats/{stranger}/messages", body)
        said = system.control(f"chats/{stranger}/messages?after={sent['message_id']}&from_bot=true&wait_s=20")
        while not any(word in message["text"] for message in said):
            last = said[-1]["message_id"]
            said = system.control(f"chats/{stranger}/messages?after={last}&from_bot=true&wait_s=20")
            assert said, f"no answer with {word!r}"


def test_a_stale_button_is_answered_politely(system: Sandbox) -> None:
    stranger = newcomer(system, 910_006)
    play(system, stranger, "/start", "chọn nhanh|giúp gì")
    said = system.control(f"chats/{stranger}/messages?from_bot=true")
    system.control(
        f"chats/{stranger}/press", {"message_id": said[-1]["message_id"], "callback_data": "forged", "stale": True}
    )
    later = system.control(f"chats/{stranger}/messages?after={said[-1]['message_id']}&from_bot=true&wait_s=20")
    assert "cũ rồi" in later[0]["text"]
