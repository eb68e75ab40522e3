"""An administrator gives a system a token, tells another by webhook, and imports a file."""

import json
import re
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from crm import clock, webhook_delivery
from crm.models.integration import ApiToken, WebhookDelivery
from crm.models.people import AuditEntry, Customer
from crm.settings import settings
from crm.webhook_delivery import Outcome
from scheduler import imports as worker
from tests.browser import visit
from tests.console.steps import Desk, log_in, visitor


def test_a_token_is_shown_once_works_and_is_revoked(desk: Desk, page: Page) -> None:
    log_in(page, desk, "quan")
    visit(page, f"{desk.url}/integrations/tokens/new")
    page.locator("button.primary").click()
    expect(page.get_by_text("Bạn ghi vài chữ cho biết mã cấp cho hệ thống nào.")).to_be_visible()
    page.locator("[data-field=name]").fill("Phần mềm bán hàng")
    page.locator("[data-choice='products:read']").click()
    expect(page.locator("[data-choice='products:read']")).to_have_attribute("aria-pressed", "true")
    page.locator("button.primary").click()
    secret = page.locator("[data-secret=token]").inner_text()
    headers = {"authorization": f"Bearer {secret}"}
    assert httpx.get(f"{desk.url}/api/v1/products", headers=headers).status_code == 200
    assert httpx.get(f"{desk.url}/api/v1/customers", headers=headers).json()["code"] == "scope"
    visit(page, f"{desk.url}/integrations")
    with desk.database.read() as session:
        number = session.scalars(select(ApiToken.id).order_by(ApiToken.id.desc())).first()
    row = page.locator(f"[data-token='{number}']")
    expect(row).to_contain_text("đọc sản phẩm")
    assert secret not in page.content()
    row.locator("button.danger").click()
    page.locator("[role=alertdialog] button.danger").click()
    expect(row).to_contain_text("đã thu hồi")
    assert httpx.get(f"{desk.url}/api/v1/products", headers=headers).status_code == 401


def test_a_webhook_is_tried_and_its_log_shows_what_came_back(desk: Desk, page: Page) -> None:
    log_in(page, desk, "quan")
    visit(page, f"{desk.url}/integrations/webhooks/new")
    page.locator("[data-field=name]").fill("Kho hàng")
    page.locator("[data-field=url]").fill("https://10.0.0.1/hook")
    page.locator("[data-choice='rating.given']").click()
    page.locator("button.primary").click()
    expect(page.get_by_text("Bạn nhập địa chỉ công khai")).to_be_visible()
    page.locator("[data-field=url]").fill("https://93.184.216.34/hook")
    page.locator("button.primary").click()
    expect(page.get_by_text("Chưa gửi gì")).to_be_visible()
    page.get_by_role("button", name="Gửi thử").click()
    expect(page.locator("[data-delivery]")).to_contain_text("Đang gửi đi")
    with desk.database.begin() as session:
        due = {json.loads(each.body)["type"]: each for each in webhook_delivery.claim(session, clock.now())}
        webhook_delivery.settle(session, due["test"], Outcome(500, "<b>kho đang nghỉ</b>"))
    line = page.locator("[data-delivery]")
    expect(line).to_contain_text("<b>kho đang nghỉ</b>")
    with desk.database.begin() as session:
        session.get_one(WebhookDelivery, due["test"].delivery_id).due_at = clock.now()
        [attempt] = webhook_delivery.claim(session, clock.now())
        webhook_delivery.settle(session, attempt, Outcome(200, "ok"))
    expect(line).to_contain_text("Đã nhận")
    page.get_by_role("button", name="Xem khoá bí mật").click()
    expect(page.locator("[data-secret=webhook]")).to_have_text(re.compile("^whsec_.{40,}"))
    page.get_by_role("button", name="Tắt").click()
    expect(page.get_by_text("đang tắt")).to_be_visible()
    with desk.database.read() as session:
        done = set(session.scalars(select(AuditEntry.action).where(AuditEntry.subject == "webhook")))
    assert {"webhook_add", "webhook_test", "webhook_secret_shown", "webhook_disable"} <= done


def test_a_file_is_checked_shown_and_imported(desk: Desk, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings(), "var_dir", desk.var)
    log_in(page, desk, "quan")
    visit(page, f"{desk.url}/imports")
    content = "Mã KH;Họ tên;SĐT\nNHAP1;Đỗ Thị Nhập;0977000111\nNHAP2;<script>alert(1)</script>;=1+1\n"
    upload = {"name": "khách.csv", "mimeType": "text/csv", "buffer": content.encode("utf-16")}
    page.locator("input[type=file]").set_input_files(upload)
    page.wait_for_url("**/imports/*")
    expect(page.get_by_text("Đang kiểm tra")).to_be_visible()
    worker.work(desk.database.read, desk.database.begin, lambda: False)
    expect(page.locator("[data-outcome=created]")).to_contain_text("1")
    bad = page.locator("[data-row='3']")
    expect(bad).to_contain_text("không phải số điện thoại Việt Nam")
    expect(bad).to_contain_text("<script>alert(1)</script>")
    with page.expect_download() as taken:
        page.get_by_role("button", name="Tải về thành bảng").click()
    assert "'=1+1" in Path(taken.value.path()).read_text("utf-8-sig")
    page.get_by_role("button", name="Nhập các dòng này").click()
    expect(page.get_by_text("Đang nhập")).to_be_visible()
    worker.work(desk.database.read, desk.database.begin, lambda: False)
    expect(page.get_by_text("Đã nhập xong").first).to_be_visible()
    with desk.database.read() as session:
        assert session.scalars(select(Customer.name).where(Customer.external_id == "NHAP1")).one() == "Đỗ Thị Nhập"
    with visitor(desk, "quan") as admin, visitor(desk, "thao") as lead:
        path = page.url.removeprefix(desk.url) + "/refused.csv"
        assert admin.get(path).status_code == 403, "without the ticket of an audited press"
        assert lead.get(path).status_code == 403
        assert lead.get("/imports").status_code == 403
