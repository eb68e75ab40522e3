"""Complaints in a real browser: taken on, answered to the customer, closed, reopened."""

from playwright.sync_api import Page, expect

from crm import clock, complaints
from crm.complaints import Report
from crm.models.care import Complaint, ComplaintState
from crm.models.conversations import Conversation
from tests.browser import visit
from tests.console.steps import Desk, chat, log_in, sent_to


def _complain(desk: Desk, conversation: Conversation, words: str) -> Complaint:
    with desk.database.begin() as session:
        merged = session.get_one(Conversation, conversation.id)
        return complaints.submit(session, merged.customer, merged, Report(words))


def _state(desk: Desk, number: int) -> ComplaintState:
    with desk.database.read() as session:
        return complaints.get(session, number).state


def test_the_list_follows_the_customers_and_shows_what_is_late(page: Page, desk: Desk) -> None:
    conversation = chat(desk, "Vũ Thị Lành")
    log_in(page, desk, "lan")
    visit(page, f"{desk.url}/complaints?state=new")
    page.wait_for_timeout(1500)
    complaint = _complain(desk, conversation, "Nồi cơm bong chống dính")
    row = page.locator(".complaint-row", has_text=complaint.code)
    expect(row).to_contain_text("Nồi cơm bong chống dính")
    expect(row).to_contain_text("hẹn trước")
    with desk.database.begin() as session:
        complaints.get(session, complaint.id).promised_at = clock.now().replace(year=2025)
    visit(page, f"{desk.url}/complaints")
    expect(row.locator(".bad.strong")).to_be_visible()
    expect(row).to_contain_text("trễ hẹn")
    page.get_by_role("link", name="Đã đóng").click()
    expect(row).to_have_count(0)


def test_taken_on_answered_closed_and_reopened(page: Page, desk: Desk) -> None:
    conversation = chat(desk, "Hồ Thị Thơ")
    complaint = _complain(desk, conversation, "Giao thiếu phụ kiện")
    log_in(page, desk, "lan")
    visit(page, f"{desk.url}/complaints/{complaint.id}")
    page.get_by_role("button", name="Nhận xử lý").click()
    expect(page.locator(".head-line")).to_contain_text("Đang xử lý")
    page.get_by_role("button", name="Gửi trả lời và báo đã giải quyết").click()
    expect(page.locator(".q-notification")).to_contain_text("viết câu trả lời cho khách")
    assert sent_to(desk, conversation) == []
    page.locator(".answer textarea").fill("Shop gửi bù phụ kiện trong hôm nay ạ.")
    page.get_by_role("button", name="Gửi trả lời và báo đã giải quyết").click()
    expect(page.locator(".answered")).to_contain_text("Shop gửi bù phụ kiện")
    [letter] = sent_to(desk, conversation)
    assert "Shop gửi bù phụ kiện trong hôm nay ạ." in letter.body["text"]
    assert complaint.code in letter.body["text"]
    page.get_by_role("button", name="Đóng").click()
    expect(page.locator(".head-line")).to_contain_text("Đã đóng")
    assert _state(desk, complaint.id) is ComplaintState.CLOSED
    page.get_by_role("button", name="Mở lại").click()
    expect(page.locator(".head-line")).to_contain_text("Đang xử lý")
    assert _state(desk, complaint.id) is ComplaintState.IN_PROGRESS
    expect(page.locator(".event")).to_have_count(5)
