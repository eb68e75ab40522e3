"""What is typed into a conversation while the server is slow, deaf or away: no letter and no key is lost."""

import re

from playwright.sync_api import Page, expect

from tests.browser import visit
from tests.console.steps import Desk, held, log_in, open_held, sent_to

SENT = ".message.staff:not(.ghost)"
# The server hears nothing that is done on the page until `deaf` is false again.
DEAF = """() => {
    const emit = window.socket.emit.bind(window.socket);
    window.deaf = true;
    window.socket.emit = (...args) => (window.deaf && args[0] === "event" ? window.socket : emit(...args));
}"""


def test_a_key_pressed_as_soon_as_the_page_is_seen_is_heard(page: Page, desk: Desk) -> None:
    conversation = held(desk, "Trịnh Thị Nhanh")
    log_in(page, desk, "lan")
    for _ in range(6):
        visit(page, f"{desk.url}/conversations/{conversation.id}")
        page.keyboard.press("n")
        expect(page.locator(".note-box textarea").last).to_be_focused()


def test_who_types_on_while_a_reply_is_sent_loses_nothing(page: Page, desk: Desk) -> None:
    conversation = open_held(page, desk, "Đinh Thị Vội")
    box, more = page.locator(".reply textarea").last, "Chị gửi em ảnh tem máy, em tra giúp chị luôn"
    box.press_sequentially("Dạ em đây ạ")
    box.press("Enter")
    box.press_sequentially(more)
    expect(page.locator(SENT)).to_contain_text("Dạ em đây ạ")
    expect(box).to_have_value(more)
    box.press("End")
    box.press_sequentially(" {case}")
    box.press("Enter")
    box.press_sequentially("nhé")
    expect(page.locator(".q-notification")).to_contain_text("mã khiếu nại")
    expect(box).to_have_value(re.compile(rf"^{more} {{case}}.*n.*h.*é$", re.DOTALL))  # wherever the words came back
    assert [row.body["text"] for row in sent_to(desk, conversation)] == ["Dạ em đây ạ"]


def test_a_reply_that_the_server_never_heard_stays_in_its_field(page: Page, desk: Desk) -> None:
    conversation = open_held(page, desk, "Quách Thị Sóng")
    box, words = page.locator(".reply textarea").last, "Dạ em kiểm tra rồi ạ"
    box.press_sequentially(words)
    page.evaluate(DEAF)
    box.press("Enter")
    page.evaluate("window.deaf = false")
    box.press("Enter")
    page.wait_for_function("!document.querySelector('.reply textarea').dataset.sending")
    expect(box).to_have_value(words)
    assert sent_to(desk, conversation) == []
    box.press("Enter")
    expect(page.locator(SENT)).to_have_text(re.compile(words))
    expect(box).to_have_value("")


def test_a_reply_sent_without_a_connection_goes_out_once_it_is_back(page: Page, desk: Desk) -> None:
    conversation = open_held(page, desk, "Quách Thị Gió")
    box, words = page.locator(".reply textarea").last, "Dạ em gọi chị ngay ạ"
    box.press_sequentially(words)
    # As when the line breaks: `socket.disconnect()` would be somebody leaving, who comes back by asking for it only.
    page.evaluate("window.socket.io.engine.close()")
    box.press("Enter")
    box.press("Enter")
    expect(page.locator(SENT)).to_have_text(re.compile(words))
    expect(box).to_have_value("")
    assert len(sent_to(desk, conversation)) == 1


def test_what_was_typed_outlives_a_reload(page: Page, desk: Desk) -> None:
    """A page loads anew when the console was restarted, or was out of reach for longer than its memory."""
    conversation = open_held(page, desk, "Quách Thị Mây")
    reply, note = page.locator(".reply textarea").last, page.locator(".note-box textarea").last
    reply.press_sequentially("Dạ em xem lại đơn của chị")
    page.locator(".note-tab").click()
    note.press_sequentially("chị này quen anh Quân")
    page.reload()
    expect(reply).to_have_value("Dạ em xem lại đơn của chị")
    expect(note).to_have_value("chị này quen anh Quân")
    reply.press("Enter")
    expect(page.locator(SENT)).to_contain_text("Dạ em xem lại đơn của chị")
    expect(reply).to_have_value("")
    visit(page, f"{desk.url}/")
    visit(page, f"{desk.url}/conversations/{conversation.id}")
    expect(note).to_have_value("chị này quen anh Quân")
    expect(reply).to_have_value("")


def test_who_left_while_a_reply_was_sent_is_not_offered_it_again(page: Page, desk: Desk) -> None:
    open_held(page, desk, "Quách Thị Mưa")
    box, words = page.locator(".reply textarea").last, "Dạ thợ tới lúc 3 giờ chiều ạ"
    box.press_sequentially(words)
    box.press("Enter")
    expect(page.locator(SENT)).to_contain_text(words)
    expect(box).to_have_value("")
    box.press_sequentially(words)  # as the field stands for the moment until the server has the words
    page.reload()
    expect(page.locator(SENT)).to_contain_text(words)
    page.keyboard.press("r")
    expect(box).to_be_focused()
    expect(box).to_have_value("")


def test_what_was_typed_is_no_colleagues_and_of_no_other_conversation(page: Page, desk: Desk) -> None:
    conversation, other = held(desk, "Quách Thị Nắng"), held(desk, "Quách Thị Sương")
    log_in(page, desk, "lan")
    visit(page, f"{desk.url}/conversations/{conversation.id}")
    page.keyboard.press("n")
    note = page.locator(".note-box textarea").last
    note.press_sequentially("để mai em gọi")
    visit(page, f"{desk.url}/conversations/{other.id}")
    page.keyboard.press("n")
    expect(note).to_be_focused()
    expect(note).to_have_value("")
    page.get_by_role("button", name="Đăng xuất").click()
    page.wait_for_url("**/login")
    log_in(page, desk, "hai")
    visit(page, f"{desk.url}/conversations/{conversation.id}")
    page.keyboard.press("n")
    expect(note).to_be_focused()
    expect(note).to_have_value("")
