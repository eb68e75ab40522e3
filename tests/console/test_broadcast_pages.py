"""A broadcast in a real browser: whom it reaches, how it reads, sent, watched, stopped."""

import re

from playwright.sync_api import Page, expect
from sqlalchemy import select

from crm import campaigns, clock, consents
from crm.models.campaigns import Campaign, CampaignState
from crm.models.conversations import Conversation
from crm.models.messaging import OutboxState
from crm.models.people import Purpose, Tier
from tests.browser import visit
from tests.console.steps import Desk, chat, log_in, sent_to


def _agrees(desk: Desk, conversation: Conversation) -> None:
    with desk.database.begin() as session:
        consents.record(session, conversation.customer_id, Purpose.MARKETING, granted=True, channel="test")


def _only(desk: Desk, name: str) -> Campaign:
    with desk.database.read() as session:
        return session.scalars(select(Campaign).where(Campaign.name == name)).one()


def _write(page: Page, desk: Desk, name: str, words: str) -> None:
    visit(page, f"{desk.url}/broadcasts/new")
    page.locator(".name input").fill(name)
    page.locator(".body-text textarea").fill(words)


def test_estimate_preview_send_watch_and_stop(page: Page, desk: Desk) -> None:
    yes = [chat(desk, name, tier=Tier.PLATINUM) for name in ("Mai Thị Én", "Mai Thị Yến")]
    chat(desk, "Mai Văn Không", tier=Tier.PLATINUM)
    for conversation in yes:
        _agrees(desk, conversation)
    log_in(page, desk, "minh")
    _write(page, desk, "Quà bạch kim", "{Address} {name} ơi, shop có quà ạ.")
    page.locator("[data-choice=platinum]").click()
    expect(page.locator(".reach-number")).to_have_text("2")
    expect(page.locator(".left-out")).to_contain_text("chưa đồng ý nhận loại tin này")
    expect(page.locator(".phone .bubble")).to_have_text(
        re.compile(r"^\[QC\] Chị Én ơi, shop có quà ạ\.\s+Nhắn \w+ để ngừng")
    )
    page.get_by_role("button", name="Gửi ngay").click()
    expect(page).to_have_url(re.compile(r"/broadcasts/\d+$"))
    with desk.database.begin() as session:
        campaigns.start_due(session, clock.now())
    expect(page.locator(".count-cell", has_text="còn lại")).to_contain_text("2")
    [letter] = sent_to(desk, yes[0])
    with desk.database.begin() as session:
        session.get_one(type(letter), letter.id).state = OutboxState.SENT
    expect(page.locator(".count-cell", has_text="đã gửi")).to_contain_text("1")
    expect(page.locator("[role=progressbar]")).to_have_attribute("aria-valuenow", "1")
    page.get_by_role("button", name="Dừng gửi").click()
    expect(page.locator(".head-line")).to_contain_text("Đã dừng")
    assert _only(desk, "Quà bạch kim").state is CampaignState.CANCELLED
    assert [row.state for row in sent_to(desk, yes[1])] == [OutboxState.SKIPPED]


def test_a_wrong_placeholder_is_shown_while_writing_and_refused(page: Page, desk: Desk) -> None:
    log_in(page, desk, "minh")
    _write(page, desk, "Sai chỗ trống", "Chào {ten}")
    expect(page.locator(".phone .bubble.warning")).to_contain_text("trong ngoặc nhọn chỉ dùng")
    page.get_by_role("button", name="Gửi ngay").click()
    expect(page.locator(".q-notification")).to_contain_text("Nội dung chưa dùng được")
    expect(page).to_have_url(f"{desk.url}/broadcasts/new")


def test_a_test_person_found_without_accents_and_a_later_time(page: Page, desk: Desk) -> None:
    conversation = chat(desk, "Đặng Thị Ngọc Ánh")
    _agrees(desk, conversation)
    log_in(page, desk, "minh")
    _write(page, desk, "Gửi thử", "Chào {address} {name}")
    page.locator("[data-choice=person]").click()
    page.locator(".person-search input").fill("ngoc anh")
    page.locator(f"[data-person='{conversation.customer_id}']").click()
    expect(page.locator(".reach-number")).to_have_text("1")
    expect(page.locator(".phone .bubble")).to_contain_text("Chào chị Ánh")
    page.locator(".at input").fill("2099-03-08T09:00")
    page.get_by_role("button", name="Hẹn giờ này").click()
    expect(page.locator(".head-line")).to_contain_text("Đã hẹn giờ")
    campaign = _only(desk, "Gửi thử")
    assert campaign.audience == {"kind": "person", "customer_id": conversation.customer_id}
    assert campaign.scheduled_at is not None
    assert campaign.scheduled_at.isoformat() == "2099-03-08T02:00:00+00:00"
