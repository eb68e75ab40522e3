"""The page of promises and the bell, in a real browser."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from crm import clock, complaints, inbound, promise_watch, promises, staff_notices, turns
from crm import staff as staff_accounts
from crm.complaints import Report
from crm.customers import Caller
from crm.inbound import Arrival
from crm.models.campaigns import TrialAccount
from crm.models.care import Severity
from crm.models.messaging import Inbound
from crm.models.people import Tier
from crm.models.service import NoticeKind, Promise, PromiseState
from crm.settings import Settings
from crm.turns import Said
from tests.browser import visit
from tests.console.steps import Desk, chat, log_in, visitor


def _state(desk: Desk, number: int) -> PromiseState:
    with desk.database.read() as session:
        return session.get_one(Promise, number).state


def test_promises_are_kept_undone_and_withdrawn_on_one_page(desk: Desk, page: Page) -> None:
    talk = chat(desk, "Trần Thu Hà", "bao giờ có máy ạ", Tier.GOLD)
    with desk.database.begin() as session:
        lan = staff_accounts.find(session, "lan")
        due = clock.now() + timedelta(hours=2)
        promised = promises.make(session, talk, due, "hỏi kho rồi báo lại chị Hà", lan).id
        complaints.submit(session, talk.customer, talk, Report("máy rò điện", severity=Severity.HIGH))
    log_in(page, desk, "lan")
    page.set_viewport_size({"width": 1440, "height": 900})
    visit(page, f"{desk.url}/promises")
    rows = page.locator(".promise-row")
    row = page.locator(f'[data-promise="{promised}"]')
    expect(rows).to_have_count(2)
    expect(row).to_contain_text("hỏi kho rồi báo lại chị Hà")
    expect(row).to_contain_text("Nhân viên Lan hứa")
    expect(page.locator(".promise-row", has_text="Trả lời khiếu nại")).to_contain_text("trợ lý hứa")
    row.get_by_role("button", name="Đã trả lời").click()
    expect(rows).to_have_count(1)
    assert _state(desk, promised) is PromiseState.KEPT
    page.locator(".promise-undo").get_by_role("button", name="Hoàn tác").click()
    expect(rows).to_have_count(2)
    assert _state(desk, promised) is PromiseState.OPEN
    row.get_by_role("button", name="Không cần nữa").click()
    expect(rows).to_have_count(1)
    page.get_by_role("link", name="Đã huỷ (1)").click()
    expect(page.locator(f'[data-promise="{promised}"]')).to_be_visible()
    with desk.database.begin() as session:  # what another does appears without a reload
        late = promises.make(session, talk, clock.now() + timedelta(minutes=1), "gọi lại", lan)
        late.due_at = late.first_due_at = late.notice_at = clock.now() - timedelta(minutes=1)
    visit(page, f"{desk.url}/promises")
    expect(page.locator(f'[data-promise="{late.id}"] .wait.late')).to_be_visible()
    with desk.database.begin() as session:
        promise_watch.look_after(session, clock.now())
    expect(page.locator(f'[data-promise="{late.id}"]')).to_have_count(0)
    expect(page.get_by_role("link", name="Lỡ hẹn (1)")).to_be_visible()


BELL_IS_FREE = """() => {
    const box = (selector) => document.querySelector(selector).getBoundingClientRect();
    return box(".q-notification").top >= box(".bell").bottom;
}"""


def test_the_bell_rings_without_a_reload_and_is_quiet_once_it_was_opened(desk: Desk, page: Page) -> None:
    log_in(page, desk, "hai")
    bell = page.locator(".bell")
    expect(bell).to_have_attribute("data-unread", re.compile(r"\d+"))
    before = int(bell.get_attribute("data-unread") or 0)
    with desk.database.begin() as session:
        hai = staff_accounts.find(session, "hai")
        told = (session, [hai.id], NoticeKind.MENTION)
        staff_notices.tell(*told, key="bell", target="/promises", name="Hà", who="Lan")
    expect(bell).to_have_attribute("data-unread", str(before + 1))
    toast = page.locator(".q-notification", has_text="Lan nhắc đến bạn trong ghi chú về Hà")
    expect(toast).to_be_visible()
    page.wait_for_function(BELL_IS_FREE)  # once it has come to its place
    bell.click()
    expect(toast).to_be_hidden()
    notice = page.locator(".bell-notice", has_text="Lan nhắc đến bạn trong ghi chú về Hà")
    expect(notice).to_be_visible()
    expect(bell).to_have_attribute("data-unread", "0")
    page.keyboard.press("Escape")
    expect(notice).to_be_hidden()
    bell.click()
    notice.click()
    page.wait_for_url(f"{desk.url}/promises")


def test_ones_own_chat_is_linked_by_a_code_written_from_it(desk: Desk, page: Page) -> None:
    log_in(page, desk, "hai")
    page.locator(".bell").click()
    page.get_by_role("button", name="Báo cho tôi qua Telegram nữa").click()
    code = page.locator("[data-proof]").get_attribute("data-proof") or ""
    assert len(code) == 8
    with desk.database.begin() as session:
        inbound.store(session, Settings().bot_id, [Arrival(990_001, 990_001, {})])
        arrived = session.scalars(select(Inbound).where(Inbound.update_id == 990_001)).one()
        turns.begin(session, arrived.id, "proof", Caller(Settings().bot_id, 990_001, "Hai"), Said(code))
    expect(page.get_by_text("Đã nối Telegram của bạn")).to_be_visible()
    with desk.database.read() as session:
        hai = staff_accounts.find(session, "hai")
        assert session.get(TrialAccount, hai.id) is not None


@pytest.mark.parametrize(("who", "status"), [("lan", 200), ("quan", 200), ("minh", 403)])
def test_the_page_of_promises_is_for_those_who_care_for_customers(desk: Desk, who: str, status: int) -> None:
    with visitor(desk, who) as client:
        assert client.get("/promises").status_code == status
