"""Files that cannot be had at once: they are asked for again, and who sent one that never comes is told."""

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import select
from telegram import Bot
from telegram.error import BadRequest, NetworkError, RetryAfter, TimedOut

from bot import photos
from bot.dispatcher import WORKERS, Dispatcher
from bot.photos import NotYet
from bot.turns import TurnTaker
from bot.understanding import Understanding
from bot.vitals import Vitals
from bot.worker import Worker
from crm import attachments, customers, escalations, inbound, send_limits
from crm.customers import Caller
from crm.db import Database
from crm.inbound import Arrival
from crm.models.conversations import Direction, EscalationReason, Message
from crm.models.messaging import Inbound, InboundState, Outbox, SendLimit
from crm.settings import Settings, settings

CHAT, OTHER = 5, 6
OGG = b"OggS\x00\x02" + bytes(22) + b"\x01\x13OpusHead" + bytes(60)
VOICE = {"voice": {"file_id": "v", "file_unique_id": "v", "duration": 1}}
PAPER = {"document": {"file_id": "d", "file_unique_id": "d", "file_name": "gia.pdf"}}
PHOTO = {"photo": [{"file_id": "p", "file_unique_id": "p", "width": 9, "height": 9}]}


class _Telegram:
    """Fails as it is told to, then gives the file once the way is free; the understanding is never asked."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.way = asyncio.Event()
        self.way.set()
        self.asked = 0
        self.file_size = len(OGG)

    async def get_file(self, _file_id: str) -> "_Telegram":
        self.asked += 1
        if self.failures:
            raise self.failures.pop(0)
        await self.way.wait()
        return self

    async def download_as_bytearray(self) -> bytearray:
        return bytearray(OGG)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(photos, "PAUSES_S", (0.01,) * 7)
    return settings().model_copy(update={"var_dir": tmp_path})


def _store(database: Database, *contents: tuple[int, dict[str, Any]], held: bool = False) -> None:
    """Updates of chats that have spoken with the assistant before, or are held by people."""
    bot_id = settings().bot_id
    with database.begin() as session:
        for number, (chat, content) in enumerate(contents, 1):
            talk = customers.meet(session, Caller(bot_id, chat, "Hạnh"))
            if held:
                escalations.open_for(session, talk, EscalationReason.ASKED)
            user = {"id": chat, "is_bot": False, "first_name": "Hạnh"}
            message = {"message_id": 1, "date": 1, "chat": {"id": chat, "type": "private"}, "from": user, **content}
            inbound.store(session, bot_id, [Arrival(number, chat, {"update_id": number, "message": message})])


@asynccontextmanager
async def _working(database: Database, here: Settings, telegram: _Telegram) -> AsyncIterator[Dispatcher]:
    worker = Worker(database, here)
    await worker.enlist()
    taker = TurnTaker(cast(Bot, telegram), here, database, cast(Understanding, None))
    dispatcher = Dispatcher(here, database, worker, taker, Vitals(database, worker), lambda: None)
    running = [asyncio.create_task(job) for job in (dispatcher.run(), worker.keep())]
    yield dispatcher
    for job in running:
        job.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    await dispatcher.finish()


async def _until(done: Callable[[], bool]) -> None:
    for _ in range(1000):
        if await asyncio.to_thread(done):
            return
        await asyncio.sleep(0.02)
    pytest.fail("it did not come about")


def _states(database: Database) -> list[InboundState]:
    with database.read() as session:
        return list(session.scalars(select(Inbound.state).order_by(Inbound.update_id)))


def _said(database: Database) -> list[Message]:
    with database.read() as session:
        return list(session.scalars(select(Message).where(Message.direction == Direction.IN).order_by(Message.id)))


def _answers(database: Database) -> list[str]:
    with database.read() as session:
        return [row.body["text"] for row in session.scalars(select(Outbox).order_by(Outbox.id))]


@pytest.mark.parametrize("held", [False, True])
async def test_a_file_survives_what_passes(database: Database, here: Settings, held: bool) -> None:
    _store(database, (CHAT, VOICE), held=held)
    telegram = _Telegram(TimedOut(), NetworkError("reset"), RetryAfter(0), TimedOut())
    async with _working(database, here, telegram):
        await _until(lambda: _states(database) == [InboundState.DONE])
    [heard] = _said(database)
    assert attachments.located(here.var_dir, heard.attachments[0]["path"]) is not None
    assert telegram.asked == 5
    assert not any("chưa tải được" in each for each in _answers(database))


async def test_a_long_wait_for_telegram_keeps_nobodys_chat_shut(database: Database, here: Settings) -> None:
    _store(database, (CHAT, VOICE))
    with database.begin() as session:
        send_limits.freeze(session, here.bot_id, 1800)
    telegram = _Telegram()
    async with _working(database, here, telegram):
        await _until(lambda: _states(database) == [InboundState.DONE])
    assert telegram.asked == 0
    assert any("chưa tải được" in each for each in _answers(database))


async def test_files_that_hang_leave_places_to_words(database: Database, here: Settings) -> None:
    """Also while more files hang than there are places: who asks the shop to stop is heard at once."""
    files = [(CHAT + number, VOICE) for number in range(1, 21)]
    _store(database, *files, (CHAT, {"text": "STOP"}))
    telegram = _Telegram()
    telegram.way.clear()
    async with _working(database, here, telegram):
        await _until(lambda: _states(database)[-1] is InboundState.DONE)
        assert telegram.asked == photos.AT_ONCE
        telegram.way.set()


async def test_a_file_survives_a_full_disk(database: Database, here: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    _store(database, (CHAT, VOICE), held=True)
    full, sync = [True, True], os.fsync

    def fsync(descriptor: int) -> None:
        if full:
            full.pop()
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(descriptor)

    monkeypatch.setattr(attachments.os, "fsync", fsync)
    async with _working(database, here, _Telegram()):
        await _until(lambda: _states(database) == [InboundState.DONE])
    [heard] = _said(database)
    left = [path.name for path in (here.var_dir / attachments.FOLDER).iterdir()]
    assert left == [heard.attachments[0]["path"]]


@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("content", [PHOTO, VOICE, PAPER])
async def test_who_sent_a_file_that_never_comes_is_told(
    database: Database, here: Settings, content: dict[str, Any], held: bool
) -> None:
    _store(database, (CHAT, {**content, "caption": "máy rò nước"}), held=held)
    async with _working(database, here, _Telegram(BadRequest("invalid file_id"))):
        await _until(lambda: _states(database) == [InboundState.DONE])
    assert [(each.text, each.attachments) for each in _said(database)] == [("máy rò nước", [])]
    assert "chưa tải được" in _answers(database)[-1]


async def test_there_is_an_end_to_asking_and_the_words_are_kept(database: Database, here: Settings) -> None:
    _store(database, (CHAT, {**PHOTO, "caption": "máy rò nước"}), held=True)
    telegram = _Telegram(*[TimedOut() for _ in range(50)])
    async with _working(database, here, telegram):
        await _until(lambda: _states(database) == [InboundState.DONE])
    assert telegram.asked == len(photos.PAUSES_S) + 1
    assert [(each.text, each.attachments) for each in _said(database)] == [("máy rò nước", [])]
    assert "chưa tải được" in _answers(database)[-1]


async def test_what_telegram_asks_for_is_waited_and_holds_up_no_other_chat(database: Database, here: Settings) -> None:
    crowd = range(100, 120)  # more than there are places to work at
    _store(
        database, *[(chat, VOICE) for chat in crowd], (crowd[0], {"text": "alo"}), (OTHER, {"text": "alo"}), held=True
    )
    telegram = _Telegram(*[RetryAfter(200) for _ in crowd])
    async with _working(database, here, telegram):
        await _until(lambda: _states(database)[-1] is InboundState.DONE)
        await asyncio.sleep(0.6)
    assert _states(database)[:-1] == [InboundState.PENDING] * (len(crowd) + 1)
    assert 1 <= telegram.asked <= WORKERS  # the others have heard of it


async def test_nothing_is_fetched_and_no_try_counts_while_telegram_is_to_be_left_alone(
    database: Database, here: Settings
) -> None:
    _store(database, (CHAT, VOICE), held=True)
    telegram = _Telegram()
    with database.begin() as session:
        send_limits.freeze(session, here.bot_id, 60)
        row = session.scalars(select(Inbound)).one()
    taker = TurnTaker(cast(Bot, telegram), here, database, cast(Understanding, None))
    for _ in range(2 * len(photos.PAUSES_S)):
        with pytest.raises(NotYet) as put_off:
            await taker.handle(row)
        assert 0 < put_off.value.wait_s <= 60
    assert telegram.asked == 0
    with database.begin() as session:
        session.scalars(select(SendLimit)).one().frozen_until = None
    async with _working(database, here, telegram):
        await _until(lambda: _states(database) == [InboundState.DONE])
    [heard] = _said(database)
    assert heard.attachments
