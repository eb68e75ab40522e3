"""A broadcast in a real browser: whom it reaches, how it reads, sent, watched, paused, edited, stopped, taken away."""

import csv
import io
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from crm import campaign_states, campaigns, clock, consents
from crm.models.campaigns import Campaign, CampaignState, PauseReason
from crm.models.conversations import Conversation
from crm.models.messaging import Outbox, OutboxState
from crm.models.people import AuditEntry, Purpose, Tier
from crm.models.staff import Staff
from tests.browser import visit
from tests.console.steps import Desk, chat, log_in, say, sent_to, visitor


@pytest.fixture(autouse=True)
def _no_campaign_left(desk: Desk) -> Iterator[None]:
    """What a test leaves running must not be queued by another one's scheduler."""
    yield
    with desk.database.begin() as session:
        for campaign in session.scalars(select(Campaign).where(Campaign.state == CampaignState.RUNNING)):
            campaign.state = CampaignState.CANCELLED


def _agrees(desk: Desk, conversation: Conversation) -> None:
    with desk.database.begin() as session:
        consents.record(session, conversation.customer_id, Purpose.MARKETING, granted=True, channel="test")


def _readers(desk: Desk, tier: Tier, *names: str) -> list[Conversation]:
    talks = [chat(desk, name, tier=tier) for name in names]
    for talk in talks:
        _agrees(desk, talk)
    return talks


def _only(desk: Desk, name: str) -> Campaign:
    with desk.database.read() as session:
        return session.scalars(select(Campaign).where(Campaign.name == name)).one()


def _feed(desk: Desk) -> None:
    for step in (campaigns.start_due, campaigns.finish_done):
        with desk.database.begin() as session:
            step(session, clock.now())


def _settle(desk: Desk, conversation: Conversation, state: OutboxState) -> None:
    with desk.database.begin() as session:
        row = session.get_one(Outbox, sent_to(desk, conversation)[-1].id)
        row.state, row.sending_at = state, clock.now()
        row.sent_at = clock.now() if state is OutboxState.SENT else None


def _write(page: Page, desk: Desk, name: str, words: str) -> None:
    visit(page, f"{desk.url}/broadcasts/new")
    page.locator(".name input").fill(name)
    page.locator(".body-text textarea").fill(words)


def _press(page: Page, words: str) -> None:
    page.get_by_role("button", name=words, exact=True).last.click()


def test_estimate_preview_send_watch_and_stop(page: Page, desk: Desk) -> None:
    yes = _readers(desk, Tier.PLATINUM, "Mai Thị Én", "Mai Thị Yến")
    chat(desk, "Mai Văn Không", tier=Tier.PLATINUM)
    log_in(page, desk, "minh")
    _write(page, desk, "Quà bạch kim", "{Address} {name} ơi, shop có quà ạ.")
    page.locator("[data-choice=platinum]").click()
    expect(page.locator(".reach-number")).to_have_text("2")
    expect(page.locator(".left-out")).to_contain_text("chưa đồng ý nhận loại tin này")
    expect(page.locator(".phone .bubble")).to_have_text(
        re.compile(r"^\[QC\] Chị Én ơi, shop có quà ạ\.\s+Nhắn \w+ để ngừng")
    )
    _press(page, "Gửi ngay")
    expect(page).to_have_url(re.compile(r"/broadcasts/\d+$"))
    _feed(desk)
    expect(page.locator(".count-cell", has_text="còn lại")).to_contain_text("2")
    expect(page.locator(".end")).to_contain_text("Gửi xong khoảng")
    _settle(desk, yes[0], OutboxState.SENT)
    expect(page.locator(".count-cell", has_text="đã gửi")).to_contain_text("1")
    expect(page.locator("[role=progressbar]")).to_have_attribute("aria-valuenow", "1")
    _press(page, "Dừng hẳn")
    _press(page, "Quay lại")
    expect(page.locator(".question")).to_have_count(0)
    assert _only(desk, "Quà bạch kim").state is CampaignState.RUNNING
    _press(page, "Dừng hẳn")
    page.locator(".question").get_by_role("button", name="Dừng hẳn").click()
    expect(page.locator(".row-head").first).to_contain_text("Đã dừng")
    assert _only(desk, "Quà bạch kim").state is CampaignState.CANCELLED
    assert [row.state for row in sent_to(desk, yes[1])] == [OutboxState.SKIPPED]


def test_a_draft_is_saved_written_further_scheduled_and_taken_off_again(page: Page, desk: Desk) -> None:
    _readers(desk, Tier.GOLD, "Đỗ Thị Sen")
    log_in(page, desk, "minh")
    _write(page, desk, "Nháp tháng chạp", "Bản đầu")
    page.locator("[data-choice=gold]").click()
    _press(page, "Lưu nháp")
    expect(page.locator(".row-head").first).to_contain_text("Nháp")
    page.get_by_role("link", name="Sửa").click()
    expect(page.locator(".body-text textarea")).to_have_value("Bản đầu")
    expect(page.locator("[data-choice=gold]")).to_have_attribute("aria-pressed", "true")
    page.locator(".body-text textarea").fill("Bản sau, chào {address}")
    expect(page.locator(".phone .bubble")).to_contain_text("Bản sau, chào chị")
    _press(page, "Lưu nháp")
    expect(page.locator(".phone .bubble")).to_have_text("Bản sau, chào {address}")
    page.locator(".at input").fill("2099-03-08T09:00")
    _press(page, "Hẹn giờ này")
    expect(page.locator(".row-head").first).to_contain_text("Đã hẹn giờ")
    assert len([c for c in [_only(desk, "Nháp tháng chạp")] if c.scheduled_at]) == 1
    _press(page, "Huỷ hẹn giờ")
    expect(page.locator(".row-head").first).to_contain_text("Đã duyệt")
    saved = _only(desk, "Nháp tháng chạp")
    assert (saved.state, saved.scheduled_at, saved.text) == (CampaignState.APPROVED, None, "Bản sau, chào {address}")


def test_a_wrong_placeholder_is_shown_while_writing_and_refused(page: Page, desk: Desk) -> None:
    log_in(page, desk, "minh")
    _write(page, desk, "Sai chỗ trống", "Chào {ten}")
    expect(page.locator(".phone .bubble.warning")).to_contain_text("trong ngoặc nhọn. Chỉ dùng được {address}")
    _press(page, "Gửi ngay")
    expect(page.locator(".q-notification")).to_contain_text("Nội dung chưa dùng được")
    expect(page).to_have_url(f"{desk.url}/broadcasts/new")


def test_a_hole_is_counted_while_writing_and_never_sent(page: Page, desk: Desk) -> None:
    _readers(desk, Tier.SILVER, "Cao Thị Bưởi", "Cao Thị Cam")
    log_in(page, desk, "minh")
    _write(page, desk, "Điểm thưởng", "{Address} đang có {points} điểm, hạng {tier}.")
    page.locator("[data-choice=silver]").click()
    expect(page.locator(".lacking")).to_have_text("2 người chưa có điểm tích luỹ")
    _press(page, "Gửi ngay")
    expect(page.locator(".q-notification")).to_contain_text("chưa có: điểm tích luỹ")
    assert _only(desk, "Điểm thưởng").state is CampaignState.DRAFT
    page.locator(".body-text textarea").fill("{Address} đang có {points|vài} điểm, hạng {tier}.")
    expect(page.locator(".lacking")).to_have_count(0)
    expect(page.locator(".phone .bubble")).to_contain_text("Chị đang có vài điểm, hạng Bạc.")
    _press(page, "Gửi ngay")
    expect(page.locator(".row-head").first).to_contain_text("Đã hẹn giờ")


def test_one_person_found_without_accents_and_a_later_time(page: Page, desk: Desk) -> None:
    [conversation] = _readers(desk, Tier.NONE, "Đặng Thị Ngọc Ánh")
    log_in(page, desk, "minh")
    _write(page, desk, "Gửi thử", "Chào {address} {name}")
    page.locator("[data-choice=person]").click()
    page.locator(".person-search input").fill("ngoc anh")
    page.locator(f"[data-person='{conversation.customer_id}']").click()
    expect(page.locator(".reach-number")).to_have_text("1")
    expect(page.locator(".phone .bubble")).to_contain_text("Chào chị Ánh")
    page.locator(".at input").fill("2099-03-08T09:00")
    _press(page, "Hẹn giờ này")
    expect(page.locator(".row-head").first).to_contain_text("Đã hẹn giờ")
    campaign = _only(desk, "Gửi thử")
    assert campaign.audience == {"kind": "person", "customer_id": conversation.customer_id}
    assert campaign.scheduled_at is not None
    assert campaign.scheduled_at.isoformat() == "2099-03-08T02:00:00+00:00"


def _begin(desk: Desk, name: str, talk: Conversation) -> int:
    with desk.database.begin() as session:
        minh = session.scalars(select(Staff).where(Staff.username == "minh")).one()
        audience = {"kind": "person", "customer_id": talk.customer_id}
        campaign = campaigns.create(session, minh, name, "Bản một", audience)
        campaigns.schedule(session, campaign, minh)
        number = campaign.id
    _feed(desk)
    return number


def test_pause_edit_and_go_on(page: Page, desk: Desk) -> None:
    [talk] = _readers(desk, Tier.NONE, "Hồ Thị Mận")
    number = _begin(desk, "Sửa giữa chừng", talk)
    log_in(page, desk, "minh")
    visit(page, f"{desk.url}/broadcasts/{number}")
    _press(page, "Tạm dừng")
    expect(page.locator(".row-head").first).to_contain_text("Đang tạm dừng")
    page.get_by_role("link", name="Sửa").click()
    expect(page.locator("[data-choice]")).to_have_count(0)
    page.locator(".body-text textarea").fill("Bản hai")
    _press(page, "Lưu nội dung mới")
    expect(page.locator(".phone .bubble")).to_have_text("Bản hai")
    _press(page, "Gửi tiếp")
    expect(page.locator(".row-head").first).to_contain_text("Đang gửi")
    _feed(desk)
    old, new = sent_to(desk, talk)
    assert (old.state, new.state) == (OutboxState.SKIPPED, OutboxState.QUEUED)
    assert "Bản hai" in new.body["text"]


def test_the_unclear_are_sent_to_again_after_two_questions(page: Page, desk: Desk) -> None:
    [talk] = _readers(desk, Tier.NONE, "Hồ Thị Na")
    number = _begin(desk, "Chưa rõ", talk)
    _settle(desk, talk, OutboxState.UNKNOWN)
    _feed(desk)
    log_in(page, desk, "minh")
    visit(page, f"{desk.url}/broadcasts/{number}")
    expect(page.locator(".row-head").first).to_contain_text("Đã xong")
    _press(page, "Gửi lại cho 1 người chưa rõ")
    expect(page.locator(".question")).to_contain_text("nhận hai lần")
    _press(page, "Tôi hiểu")
    page.locator(".question", has_text="Hỏi lần cuối").get_by_role("button", name="Gửi lại").click()
    expect(page.locator(".row-head").first).to_contain_text("Đang gửi")
    _feed(desk)
    assert [row.state for row in sent_to(desk, talk)] == [OutboxState.UNKNOWN, OutboxState.QUEUED]


def test_a_broadcast_that_pauses_by_itself_is_announced_on_every_page(page: Page, desk: Desk) -> None:
    [talk] = _readers(desk, Tier.NONE, "Hồ Thị Lê")
    number = _begin(desk, "Lỗi nhiều", talk)
    log_in(page, desk, "minh")
    expect(page.locator(".nav .badge")).to_be_hidden()
    expect(page.locator(".nav [data-halted='0']")).to_have_count(1)  # what was so before its first look is no news
    with desk.database.begin() as session:
        campaign_states.halt(session, campaigns.get(session, number), PauseReason.ERRORS, errors=4, tried=20)
    expect(page.locator(".q-notification")).to_contain_text("“Lỗi nhiều” vừa tự tạm dừng")
    expect(page.locator(".nav .badge:not(.hidden)")).to_have_text("1")
    visit(page, f"{desk.url}/broadcasts/{number}")
    expect(page.locator("[role=alert]").first).to_contain_text("trong 20 tin gần nhất có 4 tin")


def test_the_list_of_people_and_the_table_to_take_away(page: Page, desk: Desk) -> None:
    [talk] = _readers(desk, Tier.NONE, "=HYPERLINK(1)")
    number = _begin(desk, "Danh sách", talk)
    _settle(desk, talk, OutboxState.SENT)
    log_in(page, desk, "minh")
    visit(page, f"{desk.url}/broadcasts/{number}/deliveries?standing=sent")
    expect(page.locator(".delivery-row")).to_contain_text("=HYPERLINK(1)")
    visit(page, f"{desk.url}/broadcasts/{number}/deliveries?standing=failed")
    expect(page.locator(".delivery-row")).to_have_count(0)
    with page.expect_download() as download:
        _press(page, "Tải bảng về máy")
    rows = list(csv.reader(io.StringIO(download.value.path().read_text(encoding="utf-8-sig"))))
    assert rows[0][:3] == ["Khách hàng", "Trạng thái", "Lý do"]
    assert rows[1][:2] == ["'=HYPERLINK(1)", "Đã gửi"]
    with desk.database.read() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "campaign_export")).one()
        assert entry.subject_id == number


def test_the_table_is_refused_without_a_ticket_of_ones_own(desk: Desk) -> None:
    [talk] = _readers(desk, Tier.NONE, "Hồ Thị Mơ")
    number = _begin(desk, "Vé", talk)
    for username in ("minh", "lan"):
        with visitor(desk, username) as client:
            for ticket in ("", "1.x", "99999999999.0000", "²²²²²²²²²².a", "x"):
                answer = client.get(f"/broadcasts/{number}/deliveries.csv", params={"ticket": ticket})
                assert answer.status_code == 403
            assert client.get(f"/broadcasts/{number}/deliveries?standing=made-up").status_code in (403, 404)


def test_the_text_is_tried_in_ones_own_chat(page: Page, desk: Desk) -> None:
    own = chat(desk, "Minh Riêng")
    log_in(page, desk, "minh")
    _write(page, desk, "Thử", "Chào {address}, thử chút ạ")
    _press(page, "Gửi thử cho tôi")
    code = page.locator(".proof-code").inner_text()
    say(desk, own, code)
    expect(page.locator(".q-notification")).to_contain_text("Đang gửi tới khung chat của bạn")
    [row] = sent_to(desk, own)
    assert row.body["text"].startswith("[QC] Chào chị, thử chút ạ")
    assert row.campaign_id is None
