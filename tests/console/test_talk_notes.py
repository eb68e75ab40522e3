"""A note beside a conversation in a real browser: it is never sent, and says who may read it."""

from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from crm import clock, notes, reads
from crm.models.talk import Note, TypingSign
from tests.console.steps import Desk, open_held, sent_to, staff

# Pixels that a field's placeholder leaves free in one line of it.
ROOM_BESIDE_WORDS = """field => {
    const style = getComputedStyle(field), pen = document.createElement('canvas').getContext('2d');
    pen.font = style.font;
    const inner = field.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    return inner - pen.measureText(field.placeholder).width;
}"""


def test_a_note_stays_inside_and_calls_a_colleague(page: Page, desk: Desk) -> None:
    conversation = open_held(page, desk, "Phan Thị Lý")
    page.locator(".thread").press("n")
    note = page.locator(".note-box textarea").last
    expect(note).to_be_focused()
    note.press_sequentially("Nhờ @hai gọi lại khách giúp")
    note.press("Enter")
    expect(page.locator(".message.note")).to_contain_text("Nhờ @hai gọi lại")
    expect(page.locator(".message.note")).to_contain_text("ghi chú nội bộ")
    assert sent_to(desk, conversation) == []
    with desk.database.begin() as session:
        hai = staff(session, "hai")
        assert conversation.id in reads.mentioned(session, hai.id, 100)
        assert session.scalars(select(Note).where(Note.conversation_id == conversation.id)).one().text.startswith("Nhờ")
        notes.write(session, conversation.id, hai, "Để mình gọi")
        session.add(TypingSign(conversation_id=conversation.id, staff_id=hai.id, at=clock.now() + timedelta(seconds=9)))
    expect(page.locator(".message.note").last).to_contain_text("Để mình gọi")
    expect(page.locator(".typing")).to_have_text("Nhân viên Hai đang soạn…")


@pytest.mark.parametrize("width", [1280, 820])
def test_who_writes_a_note_reads_in_full_who_may_read_it(page: Page, desk: Desk, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 1000})
    open_held(page, desk, "Trương Thị Nụ")
    page.locator(".thread").press("n")
    note = page.locator(".note-box textarea").last
    expect(note).to_be_focused()
    assert "khách chỉ thấy khi xin bản sao dữ liệu" in (note.get_attribute("placeholder") or "")
    assert note.evaluate(ROOM_BESIDE_WORDS) >= 0
    page.get_by_role("button", name="Giao lại cho trợ lý").click()
    label = page.get_by_role("dialog").locator(".q-field__label")
    expect(label).to_contain_text("khách chỉ thấy khi xin bản sao dữ liệu")
    assert label.evaluate("label => label.clientWidth >= label.scrollWidth")
