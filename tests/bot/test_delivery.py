"""The sender's own bookkeeping, on both databases: what a stop puts back, and whose flight an outcome ends."""

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import select
from telegram import Bot

from bot import delivery
from bot.delivery import Delivery
from bot.vitals import Vitals
from bot.worker import Worker
from crm import clock, dispatch, outbox
from crm.db import Database
from crm.dispatch import Letter, Outcome, Report
from crm.models.messaging import Outbox, OutboxKind, OutboxState
from crm.outbox import Content
from crm.settings import Settings, settings
from tests.crm import factories

CHATS = range(1, 5)


class Telegram:
    """Takes every call; `hold` keeps the answers back until it is set."""

    def __init__(self) -> None:
        self.called: list[int] = []
        self.hold = asyncio.Event()
        self.hold.set()

    async def send(self, _bot: Bot, letter: Letter, _folder: Path) -> int:
        self.called.append(letter.chat_id)
        await self.hold.wait()
        return 7


@pytest.fixture
def telegram(monkeypatch: pytest.MonkeyPatch) -> Telegram:
    found = Telegram()
    monkeypatch.setattr(delivery, "send", found.send)
    return found


async def at_work(database: Database) -> tuple[Delivery, Worker]:
    limits = Settings(send_rate=0, chat_gap_s=0)
    worker = Worker(database, limits)
    await worker.enlist()
    return Delivery(cast("Bot", None), limits, database, worker, Vitals(database, worker)), worker


def queue(database: Database) -> None:
    with database.begin() as session:
        for chat in CHATS:
            account = factories.conversation(session, chat).account
            outbox.enqueue(session, account, Content("x"), kind=OutboxKind.REPLY)


def states(database: Database) -> list[tuple[OutboxState, int]]:
    with database.read() as session:
        return list(session.execute(select(Outbox.state, Outbox.attempts).order_by(Outbox.id)).all())


async def until(done: Any) -> None:
    for _ in range(1000):
        if done():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("nothing came of it")


async def test_a_stop_waits_for_the_calls_under_way_and_writes_what_became_of_them(
    database: Database, telegram: Telegram
) -> None:
    queue(database)
    sender, _ = await at_work(database)
    telegram.hold.clear()
    running = asyncio.create_task(sender.run())
    await until(lambda: len(telegram.called) == len(CHATS))
    running.cancel()
    finishing = asyncio.create_task(sender.finish())
    await asyncio.sleep(0)
    telegram.hold.set()
    await finishing
    assert states(database) == [(OutboxState.SENT, 1)] * len(CHATS)
    assert sender.in_hand() == []


async def test_a_stop_during_a_claim_puts_back_what_was_claimed_and_never_called(
    database: Database, telegram: Telegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue(database)
    sender, _ = await at_work(database)
    claimed, go_on = asyncio.Event(), asyncio.Event()
    loop, claim = asyncio.get_running_loop(), dispatch.claim

    def slowly(*arguments: Any) -> list[Letter]:
        letters = claim(*arguments)
        loop.call_soon_threadsafe(claimed.set)
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(30)
        return letters

    monkeypatch.setattr(dispatch, "claim", slowly)
    running = asyncio.create_task(sender.run())
    await claimed.wait()
    running.cancel()
    finishing = asyncio.create_task(sender.finish())
    go_on.set()
    await finishing
    assert telegram.called == []
    assert states(database) == [(OutboxState.QUEUED, 0)] * len(CHATS)


async def test_the_outcome_of_an_earlier_flight_leaves_the_later_one_in_hand(
    database: Database, telegram: Telegram
) -> None:
    queue(database)
    sender, worker = await at_work(database)
    telegram.hold.clear()
    running = asyncio.create_task(sender.run())
    await until(lambda: len(telegram.called) == len(CHATS))
    (first, *_) = sender.in_hand()
    earlier = Letter(first, CHATS[0], {"text": "x"}, worker.fence, clock.now())  # as it was claimed before it went back
    sender._settled(Report(earlier, Outcome.THROTTLED))
    assert first in sender.in_hand()
    # So what looks for claims that this process knows nothing of leaves it alone.
    with database.begin() as session:
        assert dispatch.put_back(session, settings().bot_id, worker.fence, sender._letters()) == 0
    telegram.hold.set()
    running.cancel()
    await sender.finish()
    assert states(database) == [(OutboxState.SENT, 1)] * len(CHATS)
    assert sender.in_hand() == []
