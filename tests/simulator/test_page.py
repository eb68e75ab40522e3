"""The chat page in a real Chromium, with a bot of python-telegram-bot behind it."""

from collections.abc import AsyncIterator, Callable

import pytest
from playwright.async_api import Page, async_playwright, expect
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup

from tests.browser import FLAGS, chromium_path
from tests.simulator.conftest import Control

EVIL = "<img src=x onerror=document.title='cracked'>"

pytestmark = pytest.mark.e2e


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    """A fresh page; any script error on it fails the test."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        page = await browser.new_page(viewport={"width": 1280, "height": 800})
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        yield page
        await browser.close()
        assert errors == []


async def test_a_customer_starts_writes_presses_and_blocks(
    page: Page, address: str, bot: Bot, person: Callable[[int], int], control: Control
) -> None:
    control.post("/users", id=1, first_name="Hoa")
    await bot.get_me()
    await page.goto(address)
    column = page.locator(".column").first
    await column.get_by_role("button", name="Bắt đầu").click()
    await column.get_by_label("Nội dung tin nhắn").fill("máy không vắt")
    await column.get_by_label("Nội dung tin nhắn").press("Enter")
    await expect(column.locator(".mine").last).to_contain_text("máy không vắt")
    assert [u.message.text for u in await bot.get_updates() if u.message] == ["/start", "máy không vắt"]

    keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("Có ạ", callback_data="y")]])
    sent = await bot.send_message(1, "Dạ <b>gấp</b> không ạ?", parse_mode="HTML", reply_markup=keyboard)
    await expect(column.locator(".theirs strong")).to_have_text("gấp")
    button = column.get_by_role("button", name="Có ạ")
    await button.click()
    await expect(button).to_have_class("pressed")
    query = (await bot.get_updates())[-1].callback_query
    assert query is not None
    await bot.answer_callback_query(query.id, "Em ghi nhận rồi")
    await expect(column.locator(".toast")).to_have_text("Em ghi nhận rồi")
    await bot.edit_message_text("Dạ em báo kỹ thuật ngay.", chat_id=1, message_id=sent.message_id)
    await expect(column.locator(".theirs")).to_contain_text("đã sửa")
    await expect(button).to_have_count(0)

    await column.get_by_label("Thêm", exact=True).click()
    await column.get_by_text("Chặn bot").click()
    await expect(column.get_by_role("button", name="Bỏ chặn")).to_be_visible()
    assert (await bot.get_updates())[-1].my_chat_member is not None


async def test_what_others_write_is_never_taken_for_markup(
    page: Page, address: str, bot: Bot, control: Control
) -> None:
    await bot.get_me()
    control.post("/users", id=1, first_name=EVIL)
    control.post("/chats/1/messages", text=EVIL)
    await bot.send_message(
        1, EVIL, reply_markup=InlineKeyboardMarkup([[InlineKeyboardButton(EVIL, callback_data="x")]])
    )
    await bot.set_my_name(EVIL[:64])
    await page.goto(address)
    await expect(page.locator(".theirs .text")).to_have_text(EVIL)
    assert await page.locator(".messages img, #list img").count() == 0
    assert "cracked" not in await page.title()


async def test_unread_messages_are_counted_on_a_phone(
    page: Page, address: str, bot: Bot, person: Callable[[int], int]
) -> None:
    await page.set_viewport_size({"width": 390, "height": 800})
    chat = person(1)
    await page.goto(address)
    await expect(page.locator(".person")).to_have_count(1)
    for text in ("Dạ", "em nghe"):
        await bot.send_message(chat, text)
    await expect(page.locator(".badge")).to_have_text("2")
    await page.locator(".person").click()
    await expect(page.locator(".badge")).to_have_count(0)
    await expect(page.get_by_text("em nghe").last).to_be_visible()
    await page.get_by_label("Về danh sách").click()
    await bot.send_message(chat, "còn đó không ạ")
    await expect(page.locator(".badge")).to_have_text("1")
