"""Customers in a real browser: the list, changes and their undoing, masks, two records made one, erasure."""

import zipfile
from pathlib import Path

from playwright.sync_api import Page, expect
from sqlalchemy import func, select

from crm import clock, customer_edits, customers, duplicates, merges, personal_data_requests
from crm.models.conversations import Conversation, Message
from crm.models.people import AuditEntry, Customer, Tier
from crm.models.privacy import DuplicatePair, PairState, PrivacyRequest, RequestKind
from tests.browser import visit
from tests.console.steps import Desk, chat, log_in, staff, visitor


def _with_phone(desk: Desk, conversation: Conversation, phone: str) -> int:
    with desk.database.begin() as session:
        customer = customers.get(session, conversation.customer_id)
        customers.set_phone(customer, phone)
        return customer.id


def _audited(desk: Desk, action: str, subject_id: int) -> int:
    with desk.database.read() as session:
        lines = select(func.count()).where(AuditEntry.action == action, AuditEntry.subject_id == subject_id)
        return session.scalar(lines) or 0


def test_the_list_is_searched_without_accents_and_narrowed_down(page: Page, desk: Desk) -> None:
    gold = chat(desk, "Lương Thị Quỳnh", tier=Tier.GOLD)
    chat(desk, "Lương Văn Quý", tier=Tier.SILVER)
    _with_phone(desk, gold, "0912777001")
    log_in(page, desk, "lan")
    visit(page, f"{desk.url}/customers")
    page.locator(".search input").fill("luong quy")
    row = page.locator(".entry")
    expect(row).to_have_count(2)
    expect(page.locator(".entry", has_text="Lương Thị Quỳnh")).to_contain_text("0912 ••• 001")
    visit(page, f"{desk.url}/customers?q=0912777001")
    expect(row).to_have_count(1)
    visit(page, f"{desk.url}/customers?q=091277700")  # digit by digit, the mask would be worth nothing
    expect(row).to_have_count(0)
    expect(page.locator(".empty")).to_contain_text("đủ cả số điện thoại")
    visit(page, f"{desk.url}/customers?q=luong&tier=gold")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("Lương Thị Quỳnh")


def test_a_record_is_changed_and_the_change_taken_back(page: Page, desk: Desk) -> None:
    talk = chat(desk, "Phan Thị Sáu")
    number = _with_phone(desk, talk, "0912777002")
    log_in(page, desk, "lan")
    visit(page, f"{desk.url}/customers/{number}")
    panel = page.locator(".customer-panel")
    expect(panel).to_contain_text("0912 ••• 002")
    page.get_by_role("button", name="Sửa", exact=True).click()
    form = page.locator(".customer-form")
    expect(form.locator(".form-phone")).to_have_count(0)  # whoever may not see it does not overwrite it unseen
    page.get_by_role("button", name="Quay lại").click()
    page.get_by_role("button", name="Hiện số và e-mail").click()
    expect(panel).to_contain_text("0912 777 002")
    assert _audited(desk, "contact_reveal", number) == 1
    page.get_by_role("button", name="Sửa", exact=True).click()
    form.locator(".form-phone input").fill("12")
    page.get_by_role("button", name="Lưu").click()
    expect(page.locator(".q-notification")).to_contain_text("Số điện thoại chưa đúng")
    form.locator(".form-phone input").fill("+84 988 777 003")
    form.locator(".form-birthday input").fill("15/8/1990 âm lịch")
    page.get_by_role("button", name="Lưu").click()
    expect(panel).to_contain_text("0988 777 003")
    expect(panel).to_contain_text("15/08/1990 (âm lịch)")
    page.get_by_role("button", name="Hoàn tác lần sửa cuối").click()
    expect(panel).to_contain_text("0912 777 002")
    with desk.database.read() as session:
        assert customers.birthday_of(session, number) is None


def test_of_two_who_change_one_record_the_second_is_told(page: Page, desk: Desk) -> None:
    number = chat(desk, "Hồ Thị Bảy").customer_id
    log_in(page, desk, "quan")
    visit(page, f"{desk.url}/customers/{number}")
    page.get_by_role("button", name="Sửa", exact=True).click()
    page.locator(".form-occupation input").fill("thợ may")
    with desk.database.begin() as session:
        customer = customers.get(session, number)
        customer_edits.change(session, number, {"occupation": "giáo viên"}, customer.version, None)
    page.get_by_role("button", name="Lưu").click()
    expect(page.locator(".q-notification")).to_contain_text("Đồng nghiệp vừa sửa")
    with desk.database.read() as session:
        assert customers.get(session, number).occupation == "giáo viên"


def test_two_records_become_one_and_two_again(page: Page, desk: Desk) -> None:
    first = _with_phone(desk, chat(desk, "Đinh Văn Chín"), "0912777004")
    second = _with_phone(desk, chat(desk, "Đinh Chín"), "0912777004")
    with desk.database.begin() as session:
        duplicates.find(session)
    log_in(page, desk, "quan")
    visit(page, f"{desk.url}/customers/duplicates")
    page.locator(".pair-row", has_text="Đinh Chín").get_by_role("link", name="So sánh").click()
    name = page.locator("[data-field=name][data-place=theirs]")
    expect(name).to_be_visible()
    page.wait_for_function("window.did_handshake === true")
    name.click()
    page.get_by_role("button", name="Gộp làm một").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Gộp làm một").click()
    expect(page.locator("h1")).to_have_text("Đinh Chín")
    with desk.database.read() as session:
        owners = select(Conversation.customer_id).where(Conversation.customer_id.in_((first, second)))
        assert set(session.scalars(owners)) == {first}
        assert session.get_one(Customer, second).merged_into_id == first
    page.get_by_role("button", name="Tách lại").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Tách lại").click()
    expect(page.locator("h1")).to_have_text("Đinh Văn Chín")
    with desk.database.read() as session:
        assert session.get_one(Customer, second).gone_at is None
        pair = select(DuplicatePair.state).where(DuplicatePair.first_id == first, DuplicatePair.second_id == second)
        assert session.scalar(pair) is PairState.OPEN


def test_an_agent_is_led_to_no_page_that_refuses_them(page: Page, desk: Desk) -> None:
    first = _with_phone(desk, chat(desk, "Đinh Văn Mười"), "0912777005")
    second = _with_phone(desk, chat(desk, "Đinh Mười"), "0912777005")
    with desk.database.begin() as session:
        duplicates.find(session)
    log_in(page, desk, "lan")
    visit(page, f"{desk.url}/customers/{first}")
    expect(page.locator(".mini.alike")).to_have_attribute("href", f"/customers/{second}")
    expect(page.get_by_text("So sánh")).to_have_count(0)
    page.locator("[data-section=request] summary").click()
    page.get_by_label("Lời của khách").fill("cho tôi xem dữ liệu")
    page.get_by_role("button", name="Ghi yêu cầu").click()
    expect(page.locator(".q-notification")).to_contain_text("Trưởng nhóm đã được báo")
    expect(page).to_have_url(f"{desk.url}/customers/{first}")
    expect(page.locator(".customer-panel div.notice.info")).to_be_visible()
    expect(page.locator("a[href^='/privacy']")).to_have_count(0)
    assert _audited(desk, "privacy_received", _request_of(desk, first)) == 1


def test_an_agent_reads_of_a_merge_and_does_not_take_it_back(page: Page, desk: Desk) -> None:
    first = _with_phone(desk, chat(desk, "Đinh Văn Tư"), "0912777006")
    second = _with_phone(desk, chat(desk, "Đinh Tư"), "0912777006")
    with desk.database.begin() as session:
        versions = (customers.get(session, first).version, customers.get(session, second).version)
        merges.merge(session, first, second, staff(session, "quan"), versions=versions, take=set())
    log_in(page, desk, "lan")
    visit(page, f"{desk.url}/customers/{first}")
    expect(page.locator(".notice.info")).to_contain_text("trong một ngày")
    expect(page.get_by_role("button", name="Tách lại")).to_have_count(0)


def _request_of(desk: Desk, customer_id: int) -> int:
    with desk.database.read() as session:
        return session.scalars(select(PrivacyRequest.id).where(PrivacyRequest.customer_id == customer_id)).one()


def test_a_request_is_answered_with_a_copy_and_with_an_erasure(page: Page, desk: Desk, tmp_path: Path) -> None:
    talk = chat(desk, "Mạc Thị Mười", "Nhà em ở số 5 ngõ nhỏ")
    number = _with_phone(desk, talk, "0912777005")
    with desk.database.begin() as session:
        for kind in (RequestKind.EXPORT, RequestKind.ERASE):
            personal_data_requests.receive(session, number, kind, channel="phone", said="xin tự lo dữ liệu")
    log_in(page, desk, "quan")
    visit(page, f"{desk.url}/privacy")
    copy = page.locator(".privacy-row", has_text="Mạc Thị Mười").filter(has_text="Nhận bản sao")
    with page.expect_download() as download:
        copy.get_by_role("button", name="Lập bản sao").click()
    download.value.save_as(tmp_path / "copy.zip")
    with zipfile.ZipFile(tmp_path / "copy.zip") as packed:
        assert "số 5 ngõ nhỏ" in packed.read("data.json").decode()
    erase = page.locator(".privacy-row", has_text="Mạc Thị Mười").filter(has_text="Xoá dữ liệu")
    erase.get_by_role("button", name="Xoá toàn bộ").click()
    page.get_by_role("button", name="Tiếp tục").click()
    page.get_by_role("button", name="Đúng, xoá vĩnh viễn").click()
    expect(page.locator(".q-notification")).to_contain_text("Đã xoá")
    expect(page.locator(".privacy-row", has_text="Mạc Thị Mười")).to_have_count(0)
    with desk.database.read() as session:
        assert session.get_one(Customer, number).gone_at is not None
        assert session.scalar(select(func.count()).where(Message.text.contains("ngõ nhỏ"))) == 0
    visit(page, f"{desk.url}/privacy?state=closed")
    expect(page.locator(".privacy-row").first).to_contain_text("đúng hạn")
    visit(page, f"{desk.url}/customers/{number}")
    expect(page.locator(".customer-panel")).to_contain_text("Dữ liệu đã xoá theo yêu cầu")


def test_a_copy_is_only_for_whoever_made_it_just_now(desk: Desk) -> None:
    with visitor(desk, "quan") as client:
        for target in (
            "/privacy/exports/x.zip",
            f"/privacy/exports/x.zip?ticket={int(clock.now().timestamp()) + 60}.ab",
        ):
            assert client.get(target).status_code == 403
    with visitor(desk, "lan") as client:
        assert client.get("/privacy").status_code == 403
        assert client.get("/customers/duplicates").status_code == 403
