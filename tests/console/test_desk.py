"""The care desk in a real browser: the queue live, a conversation taken over, answered and handed back."""

from playwright.sync_api import Page, expect
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import escalations
from crm.models.conversations import Conversation, Escalation, EscalationState, Mode
from crm.models.messaging import Outbox, OutboxState
from crm.models.staff import Staff
from tests.browser import visit
from tests.console.steps import PASSWORD, Desk, chat, log_in, say, sent_to


def test_wrong_password_is_told_in_words_and_the_right_one_leads_on(page: Page, desk: Desk) -> None:
    page.goto(f"{desk.url}/inbox")
    page.fill("[name=username]", "quan")
    page.fill("[name=password]", "khong-dung")
    page.click("button.primary")
    expect(page.get_by_role("alert")).to_contain_text("chưa đúng")
    page.fill("[name=password]", PASSWORD)
    page.click("button.primary")
    expect(page).to_have_url(f"{desk.url}/inbox")
    page.get_by_role("button", name="Đăng xuất").click()
    expect(page).to_have_url(f"{desk.url}/login")


def test_take_over_reply_and_hand_back(page: Page, desk: Desk) -> None:
    conversation = chat(desk, "Lê Thị Hoa", "máy giặt không vắt", calls=True)
    log_in(page, desk, "lan")
    visit(page, f"{desk.url}/conversations/{conversation.id}")
    expect(page.locator(".reply")).to_be_hidden()
    page.get_by_role("button", name="Nhận trả lời").click()
    box = page.locator(".reply textarea")
    box.fill("Dạ em chào chị")
    box.press("Shift+Enter")
    box.press_sequentially("Em là Lan ạ")
    box.press("Enter")
    bubble = page.locator(".message.staff")
    expect(bubble).to_contain_text("Em là Lan ạ")
    expect(bubble.locator("[data-state=queued]")).to_be_visible()
    expect(box).to_have_value("")
    [row] = sent_to(desk, conversation)
    assert row.body["text"] == "Dạ em chào chị\nEm là Lan ạ"
    with desk.database.begin() as session:
        session.get_one(Outbox, row.id).state = OutboxState.SENT
    expect(bubble.locator("[data-state=sent]")).to_be_visible()
    say(desk, conversation, "cảm ơn em nhé")
    expect(page.locator(".message.customer").last).to_contain_text("cảm ơn em nhé")
    page.get_by_role("button", name="Giao lại cho trợ lý").click()
    page.get_by_role("dialog").get_by_role("button", name="Giao lại", exact=True).click()
    expect(page.locator(".talk-bar")).to_contain_text("Trợ lý đang trả lời")
    expect(page.locator(".reply")).to_be_hidden()
    with desk.database.read() as session:
        assert session.get_one(Conversation, conversation.id).mode is Mode.ASSISTANT
    assert "trợ lý tự động" in sent_to(desk, conversation)[-1].body["text"]


def test_a_colleague_who_was_faster_is_named_in_a_clear_sentence(page: Page, desk: Desk) -> None:
    conversation = chat(desk, "Phạm Văn Tú", "alo", calls=True)
    log_in(page, desk, "lan")
    visit(page, f"{desk.url}/conversations/{conversation.id}")
    take = page.get_by_role("button", name="Nhận trả lời")
    expect(take).to_be_visible()
    with desk.database.begin() as session:
        escalations.claim(session, _alive(session, conversation.id), _staff(session, "hai"))
    take.click()
    expect(page.locator(".q-notification")).to_contain_text("Đồng nghiệp đang phụ trách")
    expect(page.locator(".talk-bar")).to_contain_text("Nhân viên Hai đang phụ trách")
    assert sent_to(desk, conversation) == []


def test_a_hostile_name_and_message_stay_text(page: Page, desk: Desk) -> None:
    name = "<script>window.bad=1</script><img src=x onerror=window.bad=1>"
    conversation = chat(desk, name, '<img src=x onerror="window.bad=1">{{7*7}}', calls=True)
    log_in(page, desk, "lan")
    for path in ("/inbox?queue=all", f"/conversations/{conversation.id}", f"/customers/{conversation.customer_id}"):
        visit(page, desk.url + path)
        expect(page.get_by_text("<script>window.bad=1</script>").first).to_be_visible()
        assert page.evaluate("window.bad") is None
    visit(page, f"{desk.url}/conversations/{conversation.id}")
    expect(page.locator(".bubble-text").first).to_have_text('<img src=x onerror="window.bad=1">{{7*7}}')


def test_a_photo_is_shown_to_staff(page: Page, desk: Desk) -> None:
    picture = desk.var / "attachments" / "9" / "anh.png"
    picture.parent.mkdir(parents=True)
    picture.write_bytes(bytes.fromhex(_PIXEL))
    conversation = chat(desk, "Đỗ Thị Na", "gửi ảnh", calls=True)
    say(desk, conversation, "", photo="9/anh.png")
    log_in(page, desk, "lan")
    visit(page, f"{desk.url}/conversations/{conversation.id}")
    image = page.locator(".bubble .photo img")
    expect(image).to_be_visible()
    page.wait_for_function("document.querySelector('.bubble .photo img').naturalWidth === 1")


def test_losing_the_right_ends_the_open_page(page: Page, desk: Desk) -> None:
    conversation = chat(desk, "Ngô Thị Yến", "alo", calls=True)
    log_in(page, desk, "hai")
    visit(page, f"{desk.url}/conversations/{conversation.id}")
    expect(page.get_by_role("button", name="Nhận trả lời")).to_be_visible()
    page.wait_for_timeout(300)
    with desk.database.begin() as session:
        _staff(session, "hai").active = False
    expect(page).to_have_url(f"{desk.url}/login")
    with desk.database.begin() as session:
        _staff(session, "hai").active = True
        assert session.get_one(Escalation, _alive(session, conversation.id)).state is EscalationState.OPEN


def test_the_language_switch(page: Page, desk: Desk) -> None:
    log_in(page, desk, "lan")
    expect(page.get_by_role("heading", level=1)).to_have_text("Hôm nay")
    assert page.get_attribute("html", "lang") == "vi"
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Today")
    visit(page, f"{desk.url}/complaints")
    expect(page.get_by_role("heading", level=1)).to_have_text("Complaints")
    assert page.get_attribute("html", "lang") == "en-US"


def test_a_role_without_the_right_is_told_so(page: Page, desk: Desk) -> None:
    log_in(page, desk, "minh")
    expect(page.locator(".nav")).not_to_contain_text("Hộp thư")
    page.goto(f"{desk.url}/inbox")
    expect(page.get_by_role("heading", level=1)).to_have_text("Bạn không có quyền xem")


_PIXEL = (
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)


def _staff(session: Session, username: str) -> Staff:
    return session.scalars(select(Staff).where(Staff.username == username)).one()


def _alive(session: Session, conversation_id: int) -> int:
    alive = escalations.current(session, conversation_id)
    assert alive is not None
    return alive.id
