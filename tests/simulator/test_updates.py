"""What a test may do to the stream of updates, and what a restart keeps."""

import asyncio
import itertools
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup
from telegram.error import BadRequest, InvalidToken, NetworkError, RetryAfter

from tests.simulator.conftest import TOKEN, Control, free_port

Person = Callable[[int], int]


@contextmanager
def running(port: int, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """A simulator of this test's own; killed at the end if it still runs."""
    process = subprocess.Popen([sys.executable, "-m", "simulator", "--port", str(port), *options])
    try:
        for _ in range(200):
            try:
                httpx.get(f"http://127.0.0.1:{port}/healthz")
                break
            except httpx.HTTPError:
                time.sleep(0.1)
        yield process
    finally:
        process.kill()
        process.wait()


def ids(updates: tuple[Any, ...]) -> list[int]:
    return [update.update_id for update in updates]


async def drain(bot: Bot) -> int:
    """Confirms what waits; the last id."""
    last = (await bot.get_updates())[-1].update_id
    await bot.get_updates(offset=last + 1)
    return last


async def test_an_update_is_delivered_again_on_demand(bot: Bot, person: Person, control: Control) -> None:
    person(1)
    last = await drain(bot)
    for _ in range(2):
        assert control.post("/redeliver", update_ids=[last])["update_ids"] == [last]
    assert ids(await bot.get_updates(offset=last + 1)) == [last, last]
    assert ids(await bot.get_updates(offset=last + 1)) == []


async def test_numbering_that_restarts_low_loses_nothing(bot: Bot, person: Person, control: Control) -> None:
    chat = person(1)
    last = await drain(bot)
    control.post("/updates", next_update_id=7)
    control.post(f"/chats/{chat}/messages", text="sau một tuần")
    assert ids(await bot.get_updates(offset=last + 1)) == [7]
    assert ids(await bot.get_updates(offset=8)) == []


async def test_raw_updates_arrive_as_they_are(bot: Bot, person: Person, control: Control) -> None:
    chat = person(1)
    await drain(bot)
    sender = {"id": chat, "is_bot": False, "first_name": "A"}
    message = {"message_id": 5, "date": 1, "chat": {"id": chat, "type": "private"}, "from": sender}
    odd = "\u202eabc\u0000\u200b"
    control.post(
        "/updates", updates=[{"update_id": 3, "message": message | {"text": ""}}, {"message": message | {"text": odd}}]
    )
    first, second = await bot.get_updates()
    assert first.update_id == 3
    assert first.message is not None
    assert first.message.text == ""
    assert second.message is not None
    assert second.message.text == odd


async def test_only_wanted_kinds_are_queued_and_a_negative_offset_keeps_the_newest(
    bot: Bot, person: Person, control: Control
) -> None:
    chat = person(1)
    await bot.get_updates(allowed_updates=["message"])
    control.post(f"/users/{chat}/block")
    control.post(f"/users/{chat}/unblock")
    control.post(f"/chats/{chat}/messages", text="mới nhất")
    newest = await bot.get_updates(offset=-1)
    assert [update.message.text for update in newest if update.message] == ["mới nhất"]
    assert len(await bot.get_updates()) == 1


async def test_blocking_edits_and_other_kinds_reach_the_bot(bot: Bot, person: Person, control: Control) -> None:
    chat = person(1)
    sent = control.post(f"/chats/{chat}/messages", text="máy giặc")
    control.edit(chat, sent["message_id"], "máy giặt")
    control.post(f"/chats/{chat}/messages", location={"latitude": 21.03, "longitude": 105.85})
    control.post(f"/chats/{chat}/messages", contact={"phone_number": "+84912345678"})
    control.post(f"/chats/{chat}/messages", sticker="👍")
    control.post(f"/chats/{chat}/messages", voice={"duration": 4})
    control.post(f"/users/{chat}/block")
    assert control.status(f"/chats/{chat}/messages", text="còn nghe không") == 409
    _, _, edited, location, contact, sticker, voice, member = await bot.get_updates()
    assert edited.edited_message is not None
    assert edited.edited_message.text == "máy giặt"
    assert location.message is not None
    assert location.message.location is not None
    assert contact.message is not None
    assert contact.message.contact is not None
    assert contact.message.contact.user_id == chat
    assert sticker.message is not None
    assert sticker.message.sticker is not None
    assert voice.message is not None
    assert voice.message.voice is not None
    assert member.my_chat_member is not None
    assert member.my_chat_member.new_chat_member.status == "kicked"


async def test_unchanged_edits_and_unknown_presses_are_refused(bot: Bot, person: Person, control: Control) -> None:
    chat = person(1)
    keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("Có", callback_data="y")]])
    sent = await bot.send_message(chat, "?", reply_markup=keyboard)
    with pytest.raises(BadRequest, match="Message is not modified"):
        await bot.edit_message_text("?", chat_id=chat, message_id=sent.message_id, reply_markup=keyboard)
    await bot.edit_message_text("?", chat_id=chat, message_id=sent.message_id)  # takes the keyboard away
    press = {"message_id": sent.message_id, "callback_data": "y"}
    assert control.status(f"/chats/{chat}/press", **press) == 409
    control.post(f"/chats/{chat}/press", **press, stale=True)
    with pytest.raises(BadRequest, match="Query is too old"):
        await bot.answer_callback_query("12345")
    with pytest.raises(BadRequest, match="essage to edit not found"):
        await bot.edit_message_text("x", chat_id=chat, message_id=1)


async def test_a_script_that_fails_says_where_and_what_was_said(bot: Bot, person: Person, control: Control) -> None:
    chat = person(1)
    sent = asyncio.get_running_loop().call_later(0.3, lambda: asyncio.ensure_future(bot.send_message(chat, "Dạ")))
    steps = [{"say": "alo"}, {"expect": "^Dạ$"}, {"expect": "^Dạ$", "timeout_s": 0.2}]
    played = await asyncio.to_thread(control.post, "/script", user_id=chat, steps=steps)
    sent.cancel()
    assert (played["ok"], played["failed_step"]) == (False, 2)
    assert [(line["from"], line["text"]) for line in played["transcript"]] == [
        ("user", "/start"),
        ("user", "alo"),
        ("bot", "Dạ"),
    ]


async def test_a_slow_or_silent_telegram(bot: Bot, person: Person, control: Control) -> None:
    chat = person(1)
    control.post("/faults", method="sendMessage", chat_id=chat, kind="slow", delay_s=0.4, skip=1)
    moments = [time.monotonic()]
    for number in range(3):
        await bot.send_message(chat, str(number))
        moments.append(time.monotonic())
    took = [after - before for before, after in itertools.pairwise(moments)]
    assert took[1] >= 0.4
    control.post("/faults", kind="hang", delay_s=0.2)
    with pytest.raises(NetworkError):
        await bot.send_message(chat, "vào hư không")
    calls = control.get("/calls?method=sendMessage")["calls"]
    outcomes = [("ok", True), ("slow", True), ("ok", True), ("hang", False)]
    assert [(call["outcome"], call["accepted"]) for call in calls] == outcomes


async def test_limits_are_enforced_when_asked_for() -> None:
    port = free_port()
    with running(port, "--rate-limits", "--token", TOKEN):
        control = Control(f"http://127.0.0.1:{port}")
        for chat in (1, 2):
            control.post("/users", id=chat, first_name="A")
            control.post(f"/chats/{chat}/start")
        async with Bot(TOKEN, base_url=f"http://127.0.0.1:{port}/bot") as bot:
            await bot.send_message(1, "1")
            with pytest.raises(RetryAfter):
                await bot.send_message(1, "2")
            await bot.send_message(2, "3")
            with pytest.raises(InvalidToken):
                await Bot("777:another-token-of-the-right-shape", base_url=f"http://127.0.0.1:{port}/bot").get_me()


@pytest.mark.parametrize("blow", [signal.SIGTERM, signal.SIGKILL])
async def test_a_restart_keeps_chats_pending_updates_and_counters(tmp_path: Path, blow: signal.Signals) -> None:
    port, state = free_port(), str(tmp_path / "state.json")
    control = Control(f"http://127.0.0.1:{port}")
    base = f"http://127.0.0.1:{port}/bot"
    with running(port, "--state", state, "--token", TOKEN) as process:
        control.post("/users", id=1, first_name="Hoa")
        control.post("/chats/1/start", payload="qr_1")
        async with Bot(TOKEN, base_url=base) as bot:
            before = await bot.get_updates()
            sent = await bot.send_message(1, "Dạ")
        await asyncio.sleep(1)
        process.send_signal(blow)
        process.wait(timeout=5)
    with running(port, "--state", state, "--token", TOKEN):
        async with Bot(TOKEN, base_url=base) as bot:
            assert ids(await bot.get_updates()) == ids(before)
            control.post("/chats/1/messages", text="vẫn còn đây")
            assert (await bot.get_updates())[-1].update_id > before[-1].update_id
            assert (await bot.send_message(1, "Dạ")).message_id > sent.message_id
    assert before[0].message is not None
    assert before[0].message.text == "/start qr_1"


async def test_a_stop_does_not_wait_for_open_polls_hanging_calls_and_event_streams() -> None:
    port = free_port()
    with running(port, "--token", TOKEN) as process:
        control = Control(f"http://127.0.0.1:{port}")
        control.post("/faults", method="getMyName", kind="hang")
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            poll = asyncio.create_task(client.get(f"/bot{TOKEN}/getUpdates?timeout=50"))
            hang = asyncio.create_task(client.get(f"/bot{TOKEN}/getMyName"))
            async with client.stream("GET", "/control/events") as events:
                assert events.status_code == 200
                await asyncio.sleep(0.3)
                started = time.monotonic()
                process.terminate()
                assert await asyncio.to_thread(process.wait, 5) == 0
            assert time.monotonic() - started < 2
            await asyncio.gather(poll, hang, return_exceptions=True)
