"""Files and typing between the bot and Telegram's stand-in: what staff send arrives, what customers send is kept."""

import base64
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import select
from telegram import Bot

from bot.photos import NotStored, store_file, store_photo
from bot.telegram_api import make_bot, send
from bot.typing_signs import TypingSigns
from bot.updates import Kind, read
from crm import attachments, clock, escalations, send_limits, typing_state
from crm.attachments import DOCUMENT, PHOTO, VOICE
from crm.db import Database
from crm.dispatch import Letter
from crm.models.conversations import EscalationReason
from crm.models.messaging import SendLimit
from crm.settings import Settings, settings
from tests.crm import factories
from tests.simulator.conftest import TOKEN, Control

CHAT = 777_001
OGG = b"OggS\x00\x02" + bytes(22) + b"\x01\x13OpusHead" + bytes(60)


@pytest.fixture
async def bot(address: str, control: Control) -> AsyncIterator[Bot]:
    here = Settings(
        telegram_token=SecretStr(TOKEN),
        telegram_base_url=f"{address}/bot",
        telegram_base_file_url=f"{address}/file/bot",
    )
    async with make_bot(here) as bot:
        control.post("/users", id=CHAT, first_name="Hạnh")
        control.post(f"/chats/{CHAT}/start")
        yield bot


def _letter(**body: str) -> Letter:
    return Letter(1, CHAT, body, 0, clock.now())


async def _incoming(bot: Bot, control: Control, **message: object) -> tuple[Kind, str, str]:
    """What the bot reads of what the person sends: its kind, the file's number and name."""
    await bot.get_updates(offset=-1)
    sent = control.post(f"/chats/{CHAT}/messages", **message)
    [update] = await bot.get_updates(offset=-1)
    assert update.message is not None
    assert update.message.message_id == sent["message_id"]
    said = read(bot.id, update.to_dict())
    return said.kind, said.data, said.file_name


async def test_a_document_and_a_voice_message_of_staff_arrive(bot: Bot, control: Control, tmp_path: Path) -> None:
    (tmp_path / "attachments").mkdir()
    (tmp_path / "attachments" / "a.bin").write_bytes(b"%PDF-1.4 gia")
    (tmp_path / "attachments" / "b.ogg").write_bytes(OGG)
    await send(bot, _letter(text="Báo giá ạ", document="attachments/a.bin", name="báo giá.pdf"), tmp_path)
    await send(bot, _letter(text="", voice="attachments/b.ogg"), tmp_path)
    await send(bot, _letter(text="Dạ"), tmp_path)
    paper, voice, words = [each for each in control.get(f"/chats/{CHAT}/messages") if each["from_bot"]][-3:]
    assert (paper["document"]["file_name"], paper["caption"]) == ("báo giá.pdf", "Báo giá ạ")
    assert paper["document"]["file_size"] == len(b"%PDF-1.4 gia")
    assert voice["voice"]["file_size"] == len(OGG)
    assert "caption" not in voice
    assert words["text"] == "Dạ"


async def test_what_a_customer_sends_is_kept_as_what_it_is(bot: Bot, control: Control, tmp_path: Path) -> None:
    kind, file_id, name = await _incoming(
        bot, control, document={"name": "../hoá đơn.html", "base64": base64.b64encode(b"<html>").decode()}
    )
    assert kind is Kind.DOCUMENT
    kept = await store_file(bot, file_id, name, tmp_path)
    assert (kept.kind, kept.name, Path(kept.path).suffix) == (DOCUMENT, "hoá đơn.html", ".bin")
    with pytest.raises(NotStored):
        await store_photo(bot, file_id, tmp_path)
    kind, file_id, _ = await _incoming(bot, control, voice={"base64": base64.b64encode(OGG).decode()})
    assert kind is Kind.VOICE
    assert (await store_file(bot, file_id, "", tmp_path)).kind == VOICE
    kind, file_id, _ = await _incoming(bot, control, photo={})
    assert kind is Kind.PHOTO
    photo = await store_photo(bot, file_id, tmp_path)
    assert (photo.kind, photo.name) == (PHOTO, photo.path)
    assert attachments.located(tmp_path, photo.path) is not None


def _typing(control: Control) -> list[dict[str, Any]]:
    return [call for call in control.get("/calls")["calls"] if call["method"].lower() == "sendchataction"]


async def test_telegram_shows_that_somebody_types(
    bot: Bot, control: Control, sqlite_template: Path, tmp_path: Path
) -> None:
    database = Database(f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'typing.db')}")
    with database.begin() as session:
        talk, lan = factories.conversation(session, CHAT), factories.agent(session)
        call = escalations.open_for(session, talk, EscalationReason.ASKED)
        escalations.claim(session, call.id, lan)
        typing_state.mark(session, talk.id, lan)
    signs = TypingSigns(bot, database, settings().bot_id)
    with database.begin() as session:
        send_limits.freeze(session, settings().bot_id, 60)
    await signs.show()
    assert _typing(control) == []
    with database.begin() as session:
        session.scalars(select(SendLimit)).one().frozen_until = None
    for _ in range(3):
        await signs.show()
    shown = _typing(control)
    assert [(call["chat_id"], call["params"]["action"]) for call in shown] == [(CHAT, "typing")]
    database.dispose()
