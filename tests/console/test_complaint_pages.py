"""Complaints in a real browser: the list, the life of a case, the work on it, joining cases, winning back."""

from datetime import timedelta

from playwright.sync_api import Page, expect
from sqlalchemy import func, select, text

from crm import case_steps, clock, complaints, customers, partners, ratings
from crm.complaints import Report
from crm.models.care import Complaint, ComplaintState
from crm.models.cases import PartnerKind
from crm.models.conversations import Conversation
from crm.models.people import AuditEntry
from crm.models.staff import Staff
from tests.browser import visit
from tests.console.steps import Desk, chat, log_in, sent_to


def _complain(desk: Desk, conversation: Conversation, words: str) -> Complaint:
    with desk.database.begin() as session:
        merged = session.get_one(Conversation, conversation.id)
        return complaints.submit(session, merged.customer, merged, Report(words))


def _state(desk: Desk, number: int) -> ComplaintState:
    with desk.database.read() as session:
        return complaints.get(session, number).state


def _pick(page: Page, label: str, choice: str) -> None:
    page.get_by_label(label).first.click()
    page.get_by_role("option", name=choice, exact=True).click()


def test_the_list_follows_the_customers_and_is_filtered_and_searched(page: Page, desk: Desk) -> None:
    conversation = chat(desk, "Vũ Thị Lành")
    log_in(page, desk, "lan")
    visit(page, f"{desk.url}/complaints")
    complaint = _complain(desk, conversation, "Nồi cơm bong chống dính")
    row = page.locator(".complaint-row", has_text=complaint.code)
    expect(row).to_contain_text("Nồi cơm bong chống dính")
    expect(row).to_contain_text("còn ")
    page.get_by_role("button", name="Đã đóng").click()
    expect(row).to_have_count(0)
    page.get_by_role("button", name="Mở", exact=False).first.click()
    page.locator(".case-search input").fill("vu thi lanh")
    expect(page.locator(".complaint-row")).to_have_count(1)
    expect(page).to_have_url(f"{desk.url}/complaints?q=vu+thi+lanh")
    with desk.database.begin() as session:
        late = complaints.get(session, complaint.id)
        late.due_at = clock.now() - timedelta(hours=1)
    visit(page, f"{desk.url}/complaints?overdue=1&owner=nobody&severity=nonsense")
    expect(row).to_be_visible()
    page.keyboard.press("j")
    expect(page.locator(".complaint-row").first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".top h1")).to_contain_text("KN-")


def test_how_to_reach_a_customer_is_masked_until_one_deals_with_them(page: Page, desk: Desk) -> None:
    conversation = chat(desk, "Đinh Thị Mười")
    with desk.database.begin() as session:
        merged = session.get_one(Conversation, conversation.id)
        customers.set_phone(merged.customer, "0912777345")
        complaint = complaints.submit(session, merged.customer, merged, Report("Quạt rung", contact="0912777345"))
    log_in(page, desk, "lan")
    visit(page, f"{desk.url}/complaints?group=all&q=0912777")
    expect(page.locator(".complaint-row")).to_have_count(0)
    visit(page, f"{desk.url}/complaints?group=all&q=0912777345")
    page.locator(".complaint-row", has_text=complaint.code).click()
    facts = page.locator(".facts").first
    expect(facts).to_contain_text("0912 ••• 345")
    assert "0912777345" not in page.content()
    page.locator(".case-reveal").get_by_role("button", name="Hiện số và e-mail").click()
    expect(facts).to_contain_text("0912777345")
    with desk.database.read() as session:
        told = select(func.count()).where(AuditEntry.action == "contact_reveal")
        assert session.scalar(told.where(AuditEntry.subject_id == conversation.customer_id)) == 1
    visit(page, f"{desk.url}/complaints/{complaint.id}")
    expect(facts).to_contain_text("0912 ••• 345")
    page.get_by_role("button", name="Nhận xử lý").click()
    expect(facts).to_contain_text("0912777345")


def test_the_life_of_a_case_from_report_to_reopening(page: Page, desk: Desk) -> None:
    conversation = chat(desk, "Hồ Thị Thơ")
    complaint = _complain(desk, conversation, "Giao thiếu phụ kiện")
    log_in(page, desk, "lan")
    visit(page, f"{desk.url}/complaints/{complaint.id}")
    page.get_by_role("button", name="Nhận xử lý").click()
    expect(page.locator(".head-line").first).to_contain_text("Đang xử lý")
    page.get_by_role("button", name="Gửi trả lời và báo đã giải quyết").click()
    expect(page.locator(".q-notification")).to_contain_text("viết câu trả lời cho khách")
    page.get_by_role("button", name="Hỏi thêm khách").click()
    page.locator(".answer textarea").fill("Chị thiếu món nào ạ?")
    expect(page.locator(".case-preview")).to_contain_text("Chị thiếu món nào ạ?")
    expect(page.locator(".case-preview")).to_contain_text(complaint.code)
    page.get_by_role("button", name="Gửi câu hỏi").click()
    expect(page.locator(".head-line").first).to_contain_text("Chờ khách trả lời")
    with desk.database.begin() as session:
        complaints.customer_wrote(session, conversation.customer_id)
    expect(page.locator(".head-line").first).to_contain_text("Đang xử lý")
    page.get_by_role("button", name="Trả lời, giải quyết xong").click()
    page.locator(".answer textarea").fill("Shop gửi bù phụ kiện trong hôm nay ạ.")
    page.get_by_role("button", name="Gửi trả lời và báo đã giải quyết").click()
    expect(page.locator(".answered")).to_contain_text("Shop gửi bù phụ kiện")
    acknowledged, question, answer = (letter.body["text"] for letter in sent_to(desk, conversation))
    assert "đã đọc" in acknowledged
    assert "Chị thiếu món nào ạ?" in question
    assert "Shop gửi bù phụ kiện trong hôm nay ạ." in answer
    page.locator(".head-line").first.get_by_role("button", name="Đóng").click()
    expect(page.locator(".head-line").first).to_contain_text("Đã đóng")
    assert _state(desk, complaint.id) is ComplaintState.CLOSED
    page.locator(".head-line").first.get_by_role("button", name="Mở lại").click()
    expect(page.locator(".head-line").first).to_contain_text("Đang xử lý")
    assert _state(desk, complaint.id).value == "in_progress"
    assert "mở lại" in sent_to(desk, conversation)[-1].body["text"]


def test_steps_partners_compensation_owner_and_the_way_back(page: Page, desk: Desk) -> None:
    conversation = chat(desk, "Đinh Văn Lực")
    complaint = _complain(desk, conversation, "Máy giặt kêu to <script>alert(1)</script>")
    twin = _complain(desk, conversation, "máy vẫn kêu")
    with desk.database.begin() as session:
        lan = session.query(Staff).filter_by(username="lan").one()
        partners.save(session, lan, partners.Details("Kho Miền Đông", PartnerKind.SUPPLIER))
    log_in(page, desk, "lan")
    visit(page, f"{desk.url}/complaints/{complaint.id}")
    expect(page.locator(".prose").first).to_contain_text("<script>alert(1)</script>")
    _pick(page, "Phụ trách", "Nhân viên Hai")
    expect(page.locator(".undo-bar")).to_be_visible()
    page.get_by_role("button", name="Hoàn tác").click()
    expect(page.locator(".case-owner")).to_contain_text("Chưa ai")
    page.get_by_role("button", name="Lên việc, giao đối tác").click()
    page.locator(".case-form textarea").fill("Gửi giảm xóc mới")
    _pick(page, "Ai chịu trách nhiệm", "Kho Miền Đông")
    page.get_by_role("button", name="Lưu").click()
    step = page.locator(".case-step", has_text="Gửi giảm xóc mới")
    expect(step).to_contain_text("Kho Miền Đông")
    step.get_by_role("button", name="Ghi câu trả lời").click()
    page.locator(".case-form textarea").fill("Thứ năm tới nơi")
    page.get_by_role("button", name="Lưu").click()
    expect(step).to_contain_text("Thứ năm tới nơi")
    page.get_by_role("button", name="Ghi đền bù").click()
    note = page.locator(".case-form textarea")
    note.fill("Khách chịu nhận phiếu")
    cost = page.get_by_label("Chi phí của shop, tính bằng đồng")
    cost.fill("1tr5")
    page.get_by_role("button", name="Lưu").click()
    expect(page.locator(".q-notification")).to_be_visible()
    expect(note).to_have_value("Khách chịu nhận phiếu")  # what is refused stays as it was written
    cost.fill("200k")
    with desk.database.begin() as session:
        session.execute(text("UPDATE staff SET name = name"))  # nobody else can write, until this ends
        page.get_by_role("button", name="Lưu").click()
        page.keyboard.press("Escape")
        expect(note).to_have_count(0)
    expect(page.locator(".undo-bar", has_text="đền bù")).to_be_visible()  # done all the same, and to be undone
    expect(page.locator(".case-step", has_text="200.000 ₫")).to_be_visible()
    page.get_by_role("button", name="Gộp vào đây").click()
    expect(page.locator(".merged-case")).to_contain_text("máy vẫn kêu")
    assert _state(desk, twin.id) is ComplaintState.CLOSED
    page.get_by_role("button", name="Tách ra lại").click()
    expect(page.locator(".merged-case")).to_have_count(0)
    assert _state(desk, twin.id).value == "in_progress"
    with desk.database.read() as session:
        kinds = [event.kind.value for event in complaints.get(session, complaint.id).events]
    assert kinds == ["state", "assigned", "assigned", "partner", "partner", "compensation", "merged", "merged"]


def test_a_low_rating_is_won_back_and_a_partners_late_answer_is_seen(page: Page, desk: Desk) -> None:
    conversation = chat(desk, "Phan Thị Én")
    complaint = _complain(desk, conversation, "Giao trễ")
    with desk.database.begin() as session:
        talk, case = session.get_one(Conversation, conversation.id), complaints.get(session, complaint.id)
        lan = session.query(Staff).filter_by(username="lan").one()
        carrier = partners.save(session, lan, partners.Details("Xe Sao Mai", PartnerKind.CARRIER))
        step = case_steps.plan(session, case, lan, "Xác nhận giờ giao", case_steps.today(), carrier)
        step.due_on = case_steps.today() - timedelta(days=2)
        rating = ratings.rate(session, talk, 1)
        ratings.explain(session, rating.id, talk.customer_id, "chờ lâu quá")
    log_in(page, desk, "quan")
    visit(page, f"{desk.url}/partners")
    row = page.locator(".partner-row", has_text="Xe Sao Mai")
    expect(row).to_contain_text("1 việc quá hạn")
    row.get_by_role("link").click()
    expect(page.locator(".complaint-row")).to_contain_text(complaint.code)
    visit(page, f"{desk.url}/recovery")
    task = page.locator(".recovery", has_text="Phan Thị Én")
    expect(task).to_contain_text("chờ lâu quá")
    task.get_by_role("button", name="Nhận xử lý").click()
    task.get_by_role("button", name="Đã xong").click()
    page.locator(".case-form textarea").fill("Gọi xin lỗi, tặng phiếu mua hàng")
    page.get_by_role("button", name="Lưu").click()
    expect(task).to_have_count(0)
    visit(page, f"{desk.url}/recovery?show=done")
    expect(task).to_contain_text("Gọi xin lỗi, tặng phiếu mua hàng")
