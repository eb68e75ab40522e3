"""An open conversation in a real browser: ready answers, files, planned replies, promises, older messages."""

import io
from datetime import timedelta

import httpx
from PIL import Image
from playwright.sync_api import Page, expect
from sqlalchemy import select

from crm import canned, clock, escalations, outbox, scheduled_replies
from crm.models.conversations import Author, BackReason, Conversation, Direction, Escalation, Message
from crm.models.messaging import OutboxKind, OutboxState
from crm.models.service import Promise
from crm.models.talk import ScheduledReply, TypingSign
from crm.outbox import Content
from tests.browser import visit
from tests.console.steps import Desk, held, log_in, open_held, say, sent_to, staff, visitor

HTML = b"<!doctype html><script>parent.bad = 1</script>"
OGG = b"OggS\x00\x02" + bytes(22) + b"\x01\x13OpusHead" + bytes(60)


def _attach(desk: Desk, conversation: Conversation, kind: str, content: bytes, name: str) -> int:
    """The customer sends a file, as the bot keeps it."""
    folder = desk.var / "attachments"
    folder.mkdir(exist_ok=True)
    path = f"{conversation.id}-{kind}{'.ogg' if kind == 'voice' else '.bin'}"
    (folder / path).write_bytes(content)
    with desk.database.begin() as session:
        said = Message(
            conversation_id=conversation.id,
            direction=Direction.IN,
            author=Author.CUSTOMER,
            text="",
            attachments=[{"kind": kind, "path": path, "name": name}],
            at=clock.now(),
        )
        session.add(said)
        session.flush()
        return said.id


def test_a_ready_answer_is_picked_filled_and_never_sent_with_a_hole(page: Page, desk: Desk) -> None:
    with desk.database.begin() as session:
        lan = staff(session, "lan")
        canned.save(session, lan, "Đang xử lý khiếu nại", "{Address} {name} ơi, {case} em đang theo ạ", shared=False)
        canned.save(session, lan, "Chào khách", "Em chào {address}", shared=False)
    conversation = open_held(page, desk, "Lê Thị Ngân")
    box = page.locator(".reply textarea").last
    box.press_sequentially("/")
    search = page.locator(".picker-search input")
    expect(search).to_be_focused()
    expect(page.locator(".picker-row")).to_have_count(2)
    search.press_sequentially("khieu nai")
    expect(page.locator(".picker-row")).to_have_count(1)
    search.press("Enter")
    expect(box).to_have_value("Chị Ngân ơi, {case} em đang theo ạ")
    expect(page.locator(".holes")).to_contain_text("mã khiếu nại")
    box.press("Enter")
    expect(page.locator(".q-notification")).to_contain_text("mã khiếu nại")
    expect(box).to_have_value("Chị Ngân ơi, {case} em đang theo ạ")
    assert sent_to(desk, conversation) == []
    box.fill("Chị Ngân ơi, KN-1 em đang theo ạ")
    expect(page.locator(".holes")).to_be_hidden()
    box.press("Enter")
    expect(page.locator(".message.staff:not(.ghost)")).to_contain_text("KN-1")
    expect(page.locator(".ghost")).to_have_count(0)
    [row] = sent_to(desk, conversation)
    assert row.body["text"] == "Chị Ngân ơi, KN-1 em đang theo ạ"
    with desk.database.read() as session:
        assert session.get_one(TypingSign, conversation.id).staff_id == staff(session, "lan").id
    box.press("Control+k")
    expect(search).to_be_focused()
    search.press("Escape")
    expect(page.locator(".picker")).to_be_hidden()
    expect(page).to_have_url(f"{desk.url}/conversations/{conversation.id}")


def test_files_go_both_ways_and_nothing_of_a_stranger_runs(page: Page, desk: Desk) -> None:
    conversation = open_held(page, desk, "Vũ Thị Tơ")
    page_of_theirs = _attach(desk, conversation, "document", HTML, "hoá đơn.html")
    _attach(desk, conversation, "voice", OGG, "")
    expect(page.locator(".voice audio")).to_be_visible()
    expect(page.locator(".document").first).to_contain_text("hoá đơn.html")
    with visitor(desk, "lan") as client:
        answer = client.get(f"/downloads/{page_of_theirs}/0")
        _is_only_a_download(answer)
        assert client.get(f"/attachments/{conversation.id}-document.bin").status_code == 404
        sound = client.get(f"/attachments/{conversation.id}-voice.ogg")
        assert (sound.headers["content-type"], sound.headers["x-content-type-options"]) == ("audio/ogg", "nosniff")
        assert client.get(f"/downloads/{page_of_theirs}/7").status_code == 404
    with visitor(desk, "minh") as client:
        assert client.get(f"/downloads/{page_of_theirs}/0").status_code == 403
    picture = io.BytesIO()
    Image.new("RGB", (60, 40), (20, 120, 90)).save(picture, "PNG")
    page.locator("input[type=file]").set_input_files(
        {"name": "máy mới.png", "mimeType": "image/png", "buffer": picture.getvalue()}
    )
    expect(page.locator(".staged-file")).to_contain_text("máy mới.png")
    page.locator(".reply textarea").last.fill("Mẫu này chị nhé")
    page.get_by_role("button", name="Gửi", exact=True).click()
    image = page.locator(".message.staff:not(.ghost) .photo img")
    expect(image).to_be_visible()
    page.locator("input[type=file]").set_input_files(
        {"name": "anh.svg", "mimeType": "image/svg+xml", "buffer": b"<svg xmlns='http://www.w3.org/2000/svg'/>"}
    )
    expect(page.locator(".staged-file")).to_contain_text("anh.svg")
    page.get_by_role("button", name="Gửi", exact=True).click()
    expect(page.locator(".message.staff:not(.ghost) .document")).to_contain_text("anh.svg")
    photo, drawing = sent_to(desk, conversation)
    assert (photo.body["text"], photo.body["photo"].endswith(".png")) == ("Mẫu này chị nhé", True)
    assert (drawing.body["name"], drawing.body["document"].endswith(".bin")) == ("anh.svg", True)
    assert page.evaluate("window.bad") is None


def _is_only_a_download(answer: httpx.Response) -> None:
    assert answer.content == HTML
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]


def test_a_planned_reply_a_promise_and_a_hand_back_with_its_reason(page: Page, desk: Desk) -> None:
    conversation = open_held(page, desk, "Bùi Thị Mận")
    page.locator(".reply textarea").last.fill("Mai em gọi chị nhé")
    page.get_by_role("button", name="Hẹn giờ gửi").click()
    page.get_by_role("dialog").get_by_role("button", name="3 giờ nữa").click()
    page.get_by_role("dialog").get_by_role("button", name="Đặt hẹn").click()
    row = page.locator(".planned-row")
    expect(row).to_contain_text("Mai em gọi chị nhé")
    expect(page.locator(".reply textarea").last).to_have_value("")
    row.get_by_role("button", name="Sửa").click()
    page.get_by_role("dialog").locator("textarea").last.fill("Mai em gọi chị lúc 9 giờ")
    page.get_by_role("dialog").get_by_role("button", name="Đặt hẹn").click()
    expect(row).to_contain_text("lúc 9 giờ")
    assert sent_to(desk, conversation) == []
    say(desk, conversation, "gọi sớm hơn được không em")
    with desk.database.begin() as session:
        assert scheduled_replies.settle(session, clock.now()) == 1
    expect(row).to_have_count(0)
    page.get_by_role("button", name="Hứa trả lời").click()
    page.get_by_role("dialog").get_by_role("button", name="4 giờ làm việc nữa").click()
    page.locator(".promise-about input").fill("Báo giờ kỹ thuật đến nhà")
    page.get_by_role("dialog").get_by_role("button", name="Hứa với khách").click()
    expect(page.locator(".talk-strip")).to_contain_text("Báo giờ kỹ thuật đến nhà")
    expect(page.locator(".message.staff:not(.ghost)")).to_contain_text("hẹn trả lời chị trước")
    page.get_by_role("button", name="Trả về hàng chờ").click()
    expect(page.locator(".reply textarea").last).to_be_hidden()
    page.get_by_role("button", name="Nhận trả lời").click()
    reply = page.locator(".reply textarea").last
    expect(reply).to_be_focused()
    reply.press_sequentially("Dạ chị")
    reply.press("Escape")  # leaves the field, neither the page nor what was written
    expect(reply).not_to_be_focused()
    expect(reply).to_have_value("Dạ chị")
    page.get_by_role("button", name="Giao lại cho trợ lý").click()
    page.get_by_text("Đang chờ hàng hoặc chờ nơi khác").click()
    page.get_by_role("dialog").get_by_role("button", name="Giao lại", exact=True).click()
    expect(page.locator(".talk-bar")).to_contain_text("Trợ lý đang trả lời")
    with desk.database.read() as session:
        call = session.scalars(select(Escalation).where(Escalation.conversation_id == conversation.id)).one()
        assert call.back_reason is BackReason.WAITING
        assert session.scalars(select(Promise).where(Promise.conversation_id == conversation.id)).one().words
        planned = session.scalars(select(ScheduledReply).where(ScheduledReply.conversation_id == conversation.id)).one()
        assert planned.text == "Mai em gọi chị lúc 9 giờ"
    assert "đang chờ hàng" in sent_to(desk, conversation)[-1].body["text"]


def test_what_nobody_knows_of_is_sent_again_by_choice(page: Page, desk: Desk) -> None:
    conversation = _unknown(desk, "Tô Thị Đào")
    log_in(page, desk, "lan")
    visit(page, f"{desk.url}/conversations/{conversation.id}")
    page.get_by_role("button", name="Gửi lại").click()
    question = page.get_by_role("alertdialog")
    expect(question).to_contain_text("đọc hai lần")
    question.get_by_role("button", name="Gửi lại").click()
    expect(page.locator(".message.assistant")).to_have_count(2)
    expect(page.locator("[data-state=unknown]")).to_contain_text("đã gửi lại")
    expect(page.get_by_role("button", name="Gửi lại")).to_have_count(0)
    assert [each.state for each in sent_to(desk, conversation)] == [OutboxState.UNKNOWN, OutboxState.QUEUED]


def test_nothing_is_sent_again_from_a_colleagues_screen(page: Page, desk: Desk) -> None:
    conversation = _unknown(desk, "Tô Thị Mận")
    log_in(page, desk, "hai")
    visit(page, f"{desk.url}/conversations/{conversation.id}")
    expect(page.locator("[data-state=unknown]")).to_be_visible()
    expect(page.locator(".btn.again")).to_be_hidden()
    with desk.database.begin() as session:
        alive = escalations.current(session, conversation.id)
        assert alive is not None
        escalations.hand_back(session, alive.id, staff(session, "lan"))
    expect(page.locator(".btn.again")).to_be_visible()


def _unknown(desk: Desk, name: str) -> Conversation:
    """A conversation that lan holds, with an answer of which nobody knows whether it arrived."""
    conversation = held(desk, name)
    with desk.database.begin() as session:
        talk = session.get_one(Conversation, conversation.id)
        row = outbox.enqueue(session, talk.account, Content("Dạ em nghe"), kind=OutboxKind.REPLY)
        assert row is not None
        row.state = OutboxState.UNKNOWN
    return conversation


def test_older_messages_come_on_request_and_a_hit_of_the_search_is_shown(page: Page, desk: Desk) -> None:
    conversation = held(desk, "Mai Thị Cúc")
    with desk.database.begin() as session:
        session.add_all(
            Message(
                conversation_id=conversation.id,
                direction=Direction.IN,
                author=Author.CUSTOMER,
                text=f"tin số {number}",
                at=clock.now() - timedelta(minutes=500 - number),
            )
            for number in range(120)
        )
    log_in(page, desk, "lan")
    visit(page, f"{desk.url}/conversations/{conversation.id}")
    messages = page.locator(".message.customer")
    expect(messages).to_have_count(50)
    expect(messages.last).to_be_in_viewport()
    top = messages.first
    top.scroll_into_view_if_needed()
    words = top.inner_text()
    page.get_by_role("button", name="Xem tin cũ hơn").click()
    expect(messages).to_have_count(100)
    expect(page.get_by_text(words.split("\n")[0], exact=True)).to_be_in_viewport()
    page.get_by_role("button", name="Xem tin cũ hơn").click()
    expect(messages).to_have_count(121)
    expect(page.get_by_role("button", name="Xem tin cũ hơn")).to_be_hidden()
    assert messages.all_inner_texts()[1].startswith("tin số 0")
    with desk.database.read() as session:
        wanted = select(Message.id).where(Message.conversation_id == conversation.id, Message.text == "tin số 30")
        number = session.scalars(wanted).one()
    visit(page, f"{desk.url}/conversations/{conversation.id}?at={number}")
    hit = page.locator(".message.hit")
    expect(hit).to_contain_text("tin số 30")
    expect(hit).to_be_in_viewport()
    page.get_by_text("Về tin mới nhất").click()
    expect(page.locator(".message.customer").last).to_contain_text("tin số 119")


def test_ready_answers_are_written_on_a_page_of_their_own(page: Page, desk: Desk) -> None:
    log_in(page, desk, "hai")
    visit(page, f"{desk.url}/canned")
    page.locator(".canned-title input").fill("Hẹn giao hàng")
    page.locator(".canned-text textarea").last.fill("Dạ mai em giao cho {ten} ạ")
    page.get_by_role("button", name="Lưu", exact=True).click()
    expect(page.locator(".q-notification")).to_contain_text("ngoặc nhọn")
    page.locator(".canned-text textarea").last.fill("Dạ mai em giao cho {address} ạ")
    page.get_by_role("button", name="Lưu", exact=True).click()
    row = page.locator(".canned-row", has_text="Hẹn giao hàng")
    expect(row).to_contain_text("Của riêng tôi")
    page.locator(".canned-head input").fill("hen giao")
    expect(page.locator(".canned-row")).to_have_count(1)
    page.get_by_role("button", name="Xoá").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Xoá").click()
    expect(row).to_have_count(0)
    with desk.database.read() as session:
        own = canned.of(session, staff(session, "hai"))
        assert "Hẹn giao hàng" not in [each.title for each in own]
