"""The inbox in a real browser: live, at the keyboard, searched, filtered; and in plain requests."""

import re

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select
from sqlalchemy.orm import Session

from console import inbox_filters
from crm import availability, escalations
from crm.inbox import Filters
from crm.inbox_found import parts
from crm.models.conversations import Conversation, Escalation, EscalationReason, EscalationState
from crm.models.people import Tier
from crm.models.staff import Staff
from tests.browser import visit
from tests.console.steps import Desk, chat, log_in, say, visitor

# Stands in for the browser's sound: counts the tones.
SILENT_AUDIO = """
    window.tones = 0;
    const node = () => ({ connect: (next) => next, frequency: {}, gain: { setValueAtTime() {},
        exponentialRampToValueAtTime() {} }, start() { window.tones += 1; }, stop() {} });
    window.AudioContext = class { currentTime = 0; destination = {}; resume() {} createOscillator = node;
        createGain = node; };
"""


def staff(session: Session, username: str) -> Staff:
    return session.scalars(select(Staff).where(Staff.username == username)).one()


def call_of(session: Session, conversation: Conversation) -> Escalation:
    alive = escalations.current(session, conversation.id)
    assert alive is not None
    return alive


def settle_all(desk: Desk) -> None:
    """Ends what other tests have left open."""
    with desk.database.begin() as session:
        for call in session.scalars(select(Escalation).where(Escalation.state != EscalationState.CLOSED)).all():
            escalations.hand_back(session, call.id, call.staff or staff(session, "hai"))


def test_what_is_new_shows_sounds_and_counts_without_a_reload(page: Page, desk: Desk) -> None:
    settle_all(desk)
    page.add_init_script(SILENT_AUDIO)
    log_in(page, desk, "lan")
    visit(page, f"{desk.url}/inbox?queue=unassigned")
    expect(page).to_have_title("Hộp thư · Tri Ân")
    expect(page.locator(".empty")).to_contain_text("Không có ai")
    page.locator("h1").click()  # a browser makes no sound before its page was touched
    page.wait_for_timeout(1500)  # the pulse has its first mark
    conversation = chat(desk, "Trần Thị Thuỷ", "alo shop", Tier.GOLD, calls=True)
    line = page.locator(f".inbox-row[data-conversation='{conversation.id}']")
    for words in ("Trần Thị Thuỷ", "Vàng", "Xin gặp nhân viên", "Thuỷ: alo shop", "còn", "chưa ai nhận"):
        expect(line).to_contain_text(words)
    expect(page).to_have_title("(1) Hộp thư · Tri Ân")
    page.wait_for_function("window.tones > 0")
    heard = page.evaluate("window.tones")
    # Taken by a colleague, it leaves the queue; it is no news that sounds.
    with desk.database.begin() as session:
        escalations.claim(session, call_of(session, conversation).id, staff(session, "hai"))
    expect(line).to_have_count(0)
    expect(page).to_have_title("Hộp thư · Tri Ân")
    assert page.evaluate("window.tones") == heard
    # Both switches are remembered for the person.
    page.locator("[data-switch=sound]").click()
    page.locator("[data-switch=badge]").click()
    expect(page.locator("[data-switch=badge]")).to_have_attribute("aria-pressed", "false")
    visit(page, f"{desk.url}/inbox?queue=all")
    expect(page.locator("[data-switch=sound]")).to_have_attribute("aria-pressed", "false")
    page.locator("h1").click()
    second = chat(desk, "Lê Văn Bình", "còn hàng không", calls=True)
    expect(page.locator(f".inbox-row[data-conversation='{second.id}']")).to_be_visible()
    expect(page.locator(".nav .badge")).to_have_text("1")
    expect(page).to_have_title("Hộp thư · Tri Ân")
    assert page.evaluate("window.tones") == 0
    with desk.database.begin() as session:
        availability.prefer(session, staff(session, "lan").id, sound=True, badge=True)


def test_everything_is_done_at_the_keyboard(page: Page, desk: Desk) -> None:
    settle_all(desk)
    people = [("Khách Bạch Kim", Tier.PLATINUM), ("Khách Vàng", Tier.GOLD), ("Khách Bạc", Tier.SILVER)]
    first, second, third = (chat(desk, name, f"{name} nhắn cối xay", tier, calls=True) for name, tier in people)
    log_in(page, desk, "lan")
    visit(page, f"{desk.url}/inbox")
    expect(page.locator(".inbox-tabs [aria-selected=true]")).to_contain_text("Chưa ai nhận")
    expect(page.locator(".inbox-row .strong")).to_have_text([name for name, _ in people])
    page.keyboard.press("?")
    expect(page.locator(".inbox-keys")).to_contain_text("nhận cuộc trò chuyện")
    page.keyboard.press("Escape")
    expect(page.locator(".q-dialog")).to_have_count(0)
    for key in ("j", "ArrowDown", "j", "k"):
        page.keyboard.press(key)
    focused = page.locator(".inbox-row:focus-within")
    expect(focused).to_have_attribute("data-conversation", str(second.id))
    # The line stays under the reader's hand while another is drawn anew.
    say(desk, first, "thêm một câu nữa")
    expect(page.locator(f".inbox-row[data-conversation='{first.id}']")).to_contain_text("thêm một câu nữa")
    expect(focused).to_have_attribute("data-conversation", str(second.id))
    page.keyboard.press("c")
    expect(page.locator(".inbox-row")).to_have_count(2)
    # The line in the place of the one that left has the keyboard, and a button keeps it when its line is drawn anew.
    expect(focused).to_have_attribute("data-conversation", str(third.id))
    take = page.locator(f".inbox-row[data-conversation='{third.id}'] [data-do=claim]")
    take.focus()
    say(desk, third, "Bạc nhắn cối xay nữa")
    expect(page.locator(f".inbox-row[data-conversation='{third.id}']")).to_contain_text("Bạc nhắn cối xay nữa")
    expect(take).to_be_focused()
    page.keyboard.press("1")
    expect(page.locator(".inbox-row")).to_have_count(1)
    expect(page.locator(".inbox-row")).to_have_attribute("data-conversation", str(second.id))
    expect(page).to_have_url(re.compile(r"queue=for_me"))
    with desk.database.read() as session:
        assert call_of(session, second).staff_id == staff(session, "lan").id
    page.keyboard.press("4")
    expect(page.locator(".inbox-row")).to_have_count(3)
    page.keyboard.press("/")
    page.keyboard.type("coi xay")  # words that no other test and no template writes
    found = page.locator(".inbox-link")
    expect(found).to_have_count(4)
    for place in (0, 1, 2, 3, 3):
        page.keyboard.press("ArrowDown")
        expect(found.nth(place)).to_be_focused()
    page.locator(".inbox-search input").fill("bac nhan nua")
    expect(page.locator("mark")).to_have_text(["Bạc", "nhắn", "nữa"])
    page.locator(".inbox-search input").press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(rf"/conversations/{third.id}\?at=\d+"))


def test_two_who_press_at_once_and_the_slower_is_told(page: Page, desk: Desk) -> None:
    settle_all(desk)
    conversation = chat(desk, "Phạm Thị Chín", "alo", calls=True)
    log_in(page, desk, "lan")
    visit(page, f"{desk.url}/inbox?queue=unassigned")
    take = page.locator("[data-do=claim]")
    expect(take).to_be_visible()
    call = take.get_attribute("data-call")
    with desk.database.begin() as session:
        escalations.claim(session, call_of(session, conversation).id, staff(session, "hai"))
    # The press of a page that has not heard of it yet.
    page.evaluate(
        """(call) => { const late = document.createElement('button'); late.dataset.do = 'claim';
        late.dataset.call = call; document.querySelector('.inbox-page').append(late); late.click(); }""",
        call,
    )
    expect(page.locator(".q-notification")).to_contain_text("Đồng nghiệp đang phụ trách")


def test_filters_narrow_the_list_and_stay_in_the_address(page: Page, desk: Desk) -> None:
    settle_all(desk)
    gold = chat(desk, "Đinh Thị Vàng", "alo", Tier.GOLD, calls=True)
    chat(desk, "Đinh Văn Thường", "alo", calls=True)
    log_in(page, desk, "quan")
    visit(page, f"{desk.url}/inbox?queue=all")
    expect(page.locator(".inbox-row")).to_have_count(2)
    page.locator(".inbox-choice").nth(1).click()
    page.get_by_role("option", name="Vàng").click()
    expect(page.locator(".inbox-row")).to_have_count(1)
    expect(page.locator(".inbox-row")).to_have_attribute("data-conversation", str(gold.id))
    expect(page).to_have_url(re.compile(r"tier=gold"))
    visit(page, page.url + "&reason=technical")
    expect(page.locator(".empty")).to_contain_text("Không có gì khớp bộ lọc")
    page.get_by_role("button", name="Bỏ hết bộ lọc").click()
    expect(page.locator(".inbox-row")).to_have_count(2)
    # A lead gives a conversation to a colleague.
    page.locator("[data-do=assign]").first.click()
    page.locator(".inbox-colleague", has_text="Nhân viên Hai").click()
    expect(page.locator(".inbox-row", has_text="Nhân viên Hai")).to_have_count(1)


def test_who_is_on_duty_says_so_in_the_frame(page: Page, desk: Desk) -> None:
    log_in(page, desk, "lan")
    switch = page.get_by_role("switch", name="Nghỉ")
    switch.click()
    expect(page.get_by_role("switch", name="Đang trực")).to_be_visible()
    visit(page, f"{desk.url}/complaints")
    expect(page.get_by_role("switch", name="Đang trực")).to_have_attribute("aria-checked", "true")
    with desk.database.read() as session:
        assert availability.look(session, staff(session, "lan").id).present
    page.get_by_role("switch", name="Đang trực").click()
    expect(page.get_by_role("switch", name="Nghỉ")).to_be_visible()


@pytest.mark.parametrize(
    "query",
    [
        "",
        "queue=resolved&reason=x&tier=1&holder=abc&unread=9&since=2026-99-99",
        "queue=../etc&q=%00%25'\"<script>",
        "q=" + "a" * 5000,
        "holder=99999999999999999999999&since=0001-01-01",
    ],
)
def test_any_address_of_the_inbox_is_answered(desk: Desk, query: str) -> None:
    with visitor(desk, "lan") as client:
        answer = client.get(f"/inbox?{query}")
        assert answer.status_code == 200
        assert "<script>'" not in answer.text


def test_the_old_address_leads_to_the_inbox_and_nobody_else_in(desk: Desk) -> None:
    with visitor(desk, "lan") as client:
        answer = client.get("/queue")
        assert (answer.status_code, answer.headers["location"]) == (303, "/inbox")
    with visitor(desk, "minh") as client:
        assert client.get("/queue").status_code == 403


def test_an_address_holds_its_filters() -> None:
    filters = inbox_filters.read("technical", "gold", "7", "1", "2026-11-22")
    assert filters.reason is EscalationReason.TECHNICAL
    assert inbox_filters.read(**inbox_filters.written(filters)) == filters
    assert inbox_filters.read("x", "", "-1", "0", "gestern") == Filters()


def test_what_was_found_is_marked_where_it_stands() -> None:
    assert parts("Máy GIẶT hỏng", "giat") == [("Máy ", False), ("GIẶT", True), (" hỏng", False)]
    assert parts("không", "") == [("không", False)]
    long = parts("a " * 100 + "đặc biệt " + "b " * 100, "dac")
    assert ("đặc", True) in long
    assert (long[0], long[-1]) == (("…", False), ("…", False))
    assert sum(len(piece) for piece, _ in long) < 170
