import asyncio
import base64
import io
from collections.abc import Callable

import httpx
import pytest
from telegram import Bot, BotCommand, InlineKeyboardButton, InlineKeyboardMarkup
from telegram.error import BadRequest, Conflict, Forbidden, InvalidToken, NetworkError, RetryAfter, TimedOut
from telegram.ext import Application, ContextTypes, MessageHandler, filters

from tests.simulator.conftest import TOKEN, Control

Person = Callable[[int], int]
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


async def test_updates_are_offered_until_they_are_confirmed(bot: Bot, person: Person, control: Control) -> None:
    chat = person(1)
    control.post(f"/chats/{chat}/messages", text="chào shop")
    first = await bot.get_updates(timeout=1)
    again = await bot.get_updates(timeout=1)
    assert [u.update_id for u in first] == [u.update_id for u in again]
    assert first[-1].message is not None
    assert first[-1].message.text == "chào shop"
    assert await bot.get_updates(offset=first[-1].update_id + 1, timeout=0) == ()


async def test_a_long_poll_returns_as_soon_as_somebody_writes(bot: Bot, person: Person, control: Control) -> None:
    chat = person(1)
    await bot.get_updates(offset=(await bot.get_updates())[-1].update_id + 1)
    poll = asyncio.create_task(bot.get_updates(timeout=20))
    await asyncio.sleep(0.2)
    await asyncio.to_thread(control.post, f"/chats/{chat}/messages", text="alo")
    (update,) = await asyncio.wait_for(poll, 5)
    assert update.message is not None
    assert update.message.text == "alo"


async def test_sending_editing_and_deleting_is_seen_by_the_person(bot: Bot, person: Person, control: Control) -> None:
    chat = person(1)
    sent = await bot.send_message(chat, "Dạ <b>em</b> nghe", parse_mode="HTML")
    photo = await bot.send_photo(chat, io.BytesIO(PIXEL), caption="Ảnh")
    await bot.send_chat_action(chat, "typing")
    await bot.edit_message_text("Dạ", chat_id=chat, message_id=sent.message_id)
    await bot.delete_message(chat, photo.message_id)
    seen = control.get(f"/chats/{chat}/messages?from_bot=true")
    assert [(message.get("text"), message["deleted"]) for message in seen] == [("Dạ", False), (None, True)]


async def test_a_button_press_arrives_and_is_answered(bot: Bot, person: Person, control: Control) -> None:
    chat = person(1)
    markup = InlineKeyboardMarkup([[InlineKeyboardButton("Có", callback_data="yes")]])
    sent = await bot.send_message(chat, "?", reply_markup=markup)
    control.post(f"/chats/{chat}/press", message_id=sent.message_id, callback_data="yes")
    query = (await bot.get_updates())[-1].callback_query
    assert query is not None
    assert query.data == "yes"
    assert await bot.answer_callback_query(query.id, text="xong")
    await bot.edit_message_reply_markup(chat_id=chat, message_id=sent.message_id, reply_markup=None)


async def test_a_photo_of_the_person_can_be_fetched(bot: Bot, person: Person, control: Control) -> None:
    chat = person(1)
    control.post(f"/chats/{chat}/messages", photo={"base64": base64.b64encode(PIXEL).decode()}, caption="máy em nè")
    message = (await bot.get_updates())[-1].message
    assert message is not None
    file = await bot.get_file(message.photo[-1].file_id)
    assert bytes(await file.download_as_bytearray()) == PIXEL


async def test_limits_and_refusals_have_telegrams_words(bot: Bot, person: Person, control: Control) -> None:
    chat = person(1)
    with pytest.raises(BadRequest, match="Message text is empty"):
        await bot.send_message(chat, "  ")
    with pytest.raises(BadRequest, match="Message is too long"):
        await bot.send_message(chat, "x" * 4097)
    await bot.send_message(chat, "x" * 4096)
    button = InlineKeyboardMarkup([[InlineKeyboardButton("?", callback_data="x" * 65)]])
    with pytest.raises(BadRequest, match=r"(?i)button_data_invalid"):
        await bot.send_message(chat, "?", reply_markup=button)
    with pytest.raises(BadRequest, match="Can't parse entities"):
        await bot.send_message(chat, "<b>", parse_mode="HTML")
    with pytest.raises(BadRequest, match="hat not found"):
        await bot.send_message(999, "ai đó")
    control.post(f"/users/{chat}/block")
    with pytest.raises(Forbidden, match="blocked by the user"):
        await bot.send_message(chat, "x")
    control.post(f"/users/{chat}/unblock")
    await bot.send_message(chat, "x")
    control.post(f"/users/{chat}/deactivate")
    with pytest.raises(Forbidden, match="deactivated"):
        await bot.send_message(chat, "x")


async def test_a_wrong_token_is_refused(address: str) -> None:
    with pytest.raises(InvalidToken):
        await Bot("1:short", base_url=f"{address}/bot").get_me()


async def test_armed_faults_strike_and_are_used_up(bot: Bot, person: Person, control: Control) -> None:
    chat = person(1)
    control.post("/faults", method="sendMessage", kind="429", retry_after=7)
    with pytest.raises(RetryAfter) as waited:
        await bot.send_message(chat, "1")
    assert "7" in str(waited.value)
    control.post("/faults", method="sendMessage", kind="502_html")
    with pytest.raises(NetworkError, match="Bad Gateway"):
        await bot.send_message(chat, "2")
    control.post("/faults", method="sendMessage", kind="refuse_connection_reset")
    with pytest.raises(NetworkError):
        await bot.send_message(chat, "3")
    control.post("/faults", method="sendMessage", kind="accept_then_hang")
    with pytest.raises(TimedOut):
        await bot.send_message(chat, "4", read_timeout=0.5)
    control.post("/faults", method="sendMessage", kind="accept_then_504")
    with pytest.raises(NetworkError, match="504"):
        await bot.send_message(chat, "5")
    await bot.send_message(chat, "6")
    accepted = control.get("/accepted?method=sendMessage")["accepted"]
    assert [call["text"] for call in accepted] == ["4", "5", "6"]


async def test_two_pollers_conflict(bot: Bot, address: str) -> None:
    other = Bot(TOKEN, base_url=f"{address}/bot")
    async with other:
        first = asyncio.create_task(bot.get_updates(timeout=10))
        await asyncio.sleep(0.2)
        second = asyncio.create_task(other.get_updates(timeout=1))
        with pytest.raises(Conflict):
            await first
        await second


async def test_an_application_of_python_telegram_bot_works_unmodified(
    address: str, person: Person, control: Control
) -> None:
    async def echo(update: object, context: ContextTypes.DEFAULT_TYPE) -> None:
        assert update.message is not None  # type: ignore[attr-defined]
        await update.message.reply_text(f"nghe: {update.message.text}")  # type: ignore[attr-defined]

    builder = Application.builder().token(TOKEN).base_url(f"{address}/bot").base_file_url(f"{address}/file/bot")
    application = builder.build()
    application.add_handler(MessageHandler(filters.TEXT & ~filters.COMMAND, echo))
    chat = person(1)
    async with application:
        await application.bot.set_my_commands([BotCommand("menu", "Xem menu")])
        await application.start()
        assert application.updater is not None
        await application.updater.start_polling()
        script = [{"say": "có ai không"}, {"expect": "nghe: có ai không", "timeout_s": 10}]
        played = await asyncio.to_thread(control.post, "/script", user_id=chat, steps=script)
        await application.updater.stop()
        await application.stop()
    assert played["ok"], played


async def test_a_webhook_gets_updates_in_order_with_its_secret(bot: Bot, person: Person, control: Control) -> None:
    got: list[tuple[str | None, str]] = []

    async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
        body = (await reader.readexactly(length)).decode()
        got.append((head.partition("x-telegram-bot-api-secret-token: ")[2].partition("\r\n")[0], body))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    chat = person(1)
    server = await asyncio.start_server(receive, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    await bot.set_webhook(f"http://127.0.0.1:{port}/hook", secret_token="s3cret")
    assert (await bot.get_webhook_info()).url.endswith("/hook")
    with pytest.raises(Conflict):
        await bot.get_updates()
    for number in range(3):
        await asyncio.to_thread(control.post, f"/chats/{chat}/messages", text=f"tin {number}")
    for _ in range(100):
        if len(got) == 4:
            break
        await asyncio.sleep(0.05)
    await bot.delete_webhook()
    server.close()
    assert all(secret == "s3cret" for secret, _ in got)
    assert [f"tin {n}" in body for n, (_, body) in enumerate(got[1:])] == [True] * 3


def test_the_chat_page_is_served_without_anything_from_outside(address: str) -> None:
    page = httpx.get(address)
    assert page.status_code == 200
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert "https://" not in page.text
