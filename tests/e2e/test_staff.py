"""Staff and marketing at work in the console, in a real browser, while customers chat through the whole product."""

import re

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from crm import clock, consents
from crm.models.conversations import Conversation, Escalation, EscalationReason
from crm.models.people import ChannelAccount, Purpose
from operations.sandbox import Sandbox
from tests import browser
from tests.browser import visit
from tests.e2e.people import newcomer, play

pytestmark = pytest.mark.e2e
PASSWORD = "trian-demo"


def log_in(page: Page, system: Sandbox, username: str) -> None:
    browser.log_in(page, system.console, username, PASSWORD)


def talk_of(system: Sandbox, chat_id: int) -> Conversation:
    with system.database.read() as session:
        account = session.scalars(select(ChannelAccount).where(ChannelAccount.chat_id == chat_id)).one()
        return session.scalars(select(Conversation).where(Conversation.account_id == account.id)).one()


def said_to(system: Sandbox, chat_id: int) -> list[str]:
    return [message["text"] for message in system.control(f"chats/{chat_id}/messages?from_bot=true")]


def expect_message(system: Sandbox, chat_id: int, pattern: str) -> None:
    """Waits until somebody wrote to the customer what matches `pattern`."""
    last = 0
    for _ in range(10):
        said = system.control(f"chats/{chat_id}/messages?after={last}&from_bot=true&wait_s=6")
        if any(re.search(pattern, message["text"]) for message in said):
            return
        last = max([last, *(message["message_id"] for message in said)])
    pytest.fail(f"no message with {pattern!r}; the customer read {said_to(system, chat_id)}")


def test_a_person_is_called_answers_and_hands_back(system: Sandbox, page: Page) -> None:
    customer = newcomer(system, 930_001, "Ngọc")
    log_in(page, system, "lan")
    visit(page, f"{system.console}/queue")
    play(system, customer, "> cho mình gặp nhân viên đi", "mời nhân viên")
    page.get_by_text("Ngọc").first.click()
    page.get_by_role("button", name="Nhận trả lời").click()
    sent = system.control(f"chats/{customer}/messages", {"text": "máy giặt không vắt được, đồ còn ướt sũng"})
    expect(page.locator(".message.customer").last).to_contain_text("đồ còn ướt sũng")
    box = page.locator(".reply textarea")
    box.fill("Dạ em Lan nghe đây ạ")
    box.press("Enter")
    expect_message(system, customer, "em Lan nghe đây")
    since = system.control(f"chats/{customer}/messages?after={sent['message_id']}&from_bot=true")
    assert [message["text"] for message in since] == ["Dạ em Lan nghe đây ạ"], "the assistant talked over the agent"
    expect(page.locator(".message.staff [data-state=sent]")).to_be_visible()
    page.get_by_role("button", name="Giao lại cho trợ lý").click()
    page.get_by_role("dialog").get_by_role("button", name="Giao lại", exact=True).click()
    expect_message(system, customer, "đã xử lý xong.*trợ lý tự động")
    play(system, customer, "> cảm ơn shop", "cảm ơn|không có gì")


def test_a_complaint_is_answered_rated_badly_and_comes_back_to_staff(system: Sandbox, page: Page) -> None:
    customer = newcomer(system, 930_002, "Hồng")
    play(
        system, customer,
        "> tôi muốn khiếu nại", "chuyện gì",
        "> nồi cơm điện mới mua mà nấu cứ bị sống cơm", "từ khi nào",
    )  # fmt: skip
    for answer in ("> từ hôm qua", "[Bỏ qua]", "[Nhắn ở đây]", "[Đúng rồi]"):
        play(system, customer, answer, ".")
    code = next(match[0] for text in said_to(system, customer) if (match := re.search(r"KN-\d{4}-\d{6}", text)))
    log_in(page, system, "lan")
    visit(page, f"{system.console}/complaints?state=new")
    page.locator(".complaint-row", has_text=code).click()
    page.locator(".answer textarea").fill("Shop đổi nồi mới trong ngày mai ạ.")
    page.get_by_role("button", name="Gửi trả lời và báo đã giải quyết").click()
    expect_message(system, customer, f"{code}[\\s\\S]*Shop đổi nồi mới")
    expect_message(system, customer, f"{code}.*hài lòng")
    play(system, customer, "[1 ⭐]", "xin lỗi", "> hứa gọi mà không gọi", ".")
    with system.database.read() as session:
        talk = talk_of(system, customer)
        call = session.scalars(select(Escalation).where(Escalation.conversation_id == talk.id)).one()
    assert call.reason is EscalationReason.LOW_RATING
    assert code in call.note


def test_a_broadcast_reaches_who_agreed_and_a_stop_is_obeyed(system: Sandbox, page: Page) -> None:
    customer = newcomer(system, 930_003, "Quỳnh Như")
    play(system, customer, "/start", "trợ lý tự động", ".")
    with system.database.begin() as session:
        customer_id = talk_of(system, customer).customer_id
        consents.record(session, customer_id, Purpose.MARKETING, granted=True, channel="test")
    log_in(page, system, "minh")
    write_to(page, system, "quynh nhu", "{Address} {name} ơi, cuối tuần shop tặng quà ạ.")
    expect(page.locator(".reach-number")).to_have_text("1")
    page.get_by_role("button", name="Gửi ngay").click()
    expect_message(system, customer, r"^\[QC\] .*Như ơi, cuối tuần[\s\S]*Nhắn STOP")
    expect(page.locator("[role=progressbar]")).to_have_attribute("aria-valuenow", "1")
    play(system, customer, "> STOP", "ngừng gửi quảng cáo")
    write_to(page, system, "quynh nhu", "Tin thứ hai")
    expect(page.locator(".reach-number")).to_have_text("0")
    assert sum("[QC]" in text for text in said_to(system, customer)) == 1


def write_to(page: Page, system: Sandbox, person: str, words: str) -> None:
    visit(page, f"{system.console}/broadcasts/new")
    page.locator(".name input").fill(f"Thử {clock.now():%H%M%S}")
    page.locator(".body-text textarea").fill(words)
    page.locator("[data-choice=person]").click()
    page.locator(".person-search input").fill(person)
    page.locator("[data-person]").first.click()


def test_the_chat_page_is_a_chat(system: Sandbox, page: Page) -> None:
    newcomer(system, 930_004, "Phương")
    page.goto(system.chat)
    page.get_by_text("Phương").first.click()
    page.get_by_role("button", name="Bắt đầu", exact=True).last.click()
    expect(page.locator(".message.theirs").last).to_contain_text(re.compile("nhắn|giúp"))
    page.get_by_role("button", name="Gặp nhân viên").last.click()
    expect(page.locator(".message.theirs").last).to_contain_text("nhân viên")
