"""What the inbox does with updates as they arrive, on both databases."""

import asyncio
from typing import Any, cast

import pytest
from sqlalchemy import select
from telegram import Bot

from bot.intake import Intake
from bot.updates import said_in
from bot.vitals import Vitals
from crm import consents, inbound, turns
from crm.db import Database
from crm.models.messaging import Inbound, InboundState
from crm.models.people import Consent, Purpose
from crm.settings import settings
from tests.crm import factories

CHAT = 1001


def update(number: int, text: str) -> dict[str, Any]:
    return {"update_id": number, "message": {"chat": {"id": CHAT, "type": "private"}, "text": text}}


def intake(database: Database) -> Intake:
    return Intake(cast("Bot", None), settings(), database, cast("Vitals", None), lambda: None)


def reader(database: Database) -> int:
    """Somebody who agreed to advertising; their number."""
    with database.begin() as session:
        customer_id = factories.conversation(session, CHAT).customer_id
        consents.record(session, customer_id, Purpose.MARKETING, granted=True, channel="test")
    return customer_id


def granted(database: Database) -> list[bool]:
    with database.read() as session:
        return list(session.scalars(select(Consent.granted).order_by(Consent.id)))


def test_a_stop_is_obeyed_while_an_earlier_message_still_waits_and_once_however_often_it_arrives(
    database: Database,
) -> None:
    customer_id = reader(database)
    updates = [update(1, "cho hỏi giá"), update(2, "dừng quảng cáo nha shop")]
    asyncio.run(intake(database).store(updates))
    assert granted(database) == [True, False]
    with database.begin() as session:
        assert set(session.scalars(select(Inbound.state))) == {InboundState.PENDING}
        consents.record(session, customer_id, Purpose.MARKETING, granted=True, channel="test")
    asyncio.run(intake(database).store([*updates, update(3, "ok shop")]))
    assert granted(database) == [True, False, True]


def test_a_stop_that_cannot_be_obeyed_at_once_is_stored_all_the_same(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(turns, "obey_stop", fail)
    asyncio.run(intake(database).store([update(1, "STOP")]))
    with database.read() as session:
        assert inbound.is_any_waiting(session, settings().bot_id, 1, [])


@pytest.mark.parametrize(
    "payload", [{}, {"message": None}, {"message": {"text": 5}}, {"message": []}, {"callback_query": {"data": "STOP"}}]
)
def test_what_has_no_text_says_nothing(payload: dict[str, Any]) -> None:
    assert said_in(payload) == ""


def test_an_edited_message_says_its_new_text() -> None:
    assert said_in({"edited_message": {"text": "STOP"}}) == "STOP"
