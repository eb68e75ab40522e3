"""A bot that starts while Telegram is away, asks for patience, or refuses what the bot can do without."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from telegram.error import BadRequest, NetworkError, RetryAfter

from bot import contact
from bot.vitals import Vitals
from bot.worker import Worker
from crm import clock, health, outbox
from crm.db import Database
from crm.models.messaging import Outbox, OutboxKind, OutboxState
from crm.outbox import Content
from crm.settings import settings
from tests.bot.running import environment, free_port, process, until
from tests.crm import factories


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were asked for; none is made."""
    asked: list[float] = []

    async def pause(seconds: float) -> None:
        asked.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", pause)
    return asked


def telegram(*answers: Exception | None) -> Callable[[], Awaitable[None]]:
    """Gives these answers one after the other."""
    left = list(answers)

    async def call() -> None:
        if answer := left.pop(0):
            raise answer

    return call


def test_what_telegram_asks_for_is_waited_and_health_is_told_why(database: Database, waits: list[float]) -> None:
    vitals = Vitals(database, Worker(database, settings()))
    told: list[str] = []
    vitals.trouble = lambda loop, words: told.append(words)  # type: ignore[method-assign]
    asyncio.run(contact.insist(telegram(RetryAfter(40), NetworkError("x"), BadRequest("y"), None), vitals, "intake"))
    assert waits == [40, 2, 2]
    assert told == ["Telegram asks to wait 40 s", f"{health.NOT_REACHED}: NetworkError", "refused by Telegram: y"]


def test_what_the_bot_can_do_without_is_given_up_when_refused_and_tried_ever_more_seldom(waits: list[float]) -> None:
    asyncio.run(contact.offer(telegram(NetworkError("x"), RetryAfter(9), NetworkError("x"), BadRequest("y")), "z"))
    assert waits == [2, 9, 8]


def test_a_bot_that_starts_without_telegram_keeps_the_house_and_says_what_is_missing(
    database: Database, tmp_path: Path
) -> None:
    nobody = free_port()
    with database.begin() as session:
        account = factories.conversation(session).account
        row = outbox.enqueue(
            session, account, Content("x"), kind=OutboxKind.CARE, not_before=clock.now(), expires_at=clock.now()
        )
        assert row is not None

    def status() -> dict[str, str]:
        with database.read() as session:
            return {sign.process.rpartition(":")[2]: sign.status for sign in health.parts(session)}

    def state() -> OutboxState:
        with database.read() as session:
            return session.get_one(Outbox, row.id).state

    with process("bot", **environment(database, tmp_path, nobody)):
        assert until(lambda: {"sweeper", "dispatcher", "intake"} <= status().keys())
        assert status()["intake"].startswith(health.NOT_REACHED)
        assert until(lambda: state() is OutboxState.EXPIRED)
