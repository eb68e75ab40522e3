"""While a person holds the conversation, what the customer sends or presses stands in it, and nobody else answers."""

import asyncio
from typing import Any, cast

import pytest
from sqlalchemy import select
from telegram import Bot

from bot.turns import TurnTaker
from bot.understanding import Understanding
from crm import customers, escalations, inbound
from crm.customers import Caller
from crm.db import Database
from crm.inbound import Arrival
from crm.models.conversations import Direction, EscalationReason, Message
from crm.models.messaging import Inbound, InboundState, Outbox
from crm.settings import settings
from tests.crm import factories

CHAT = 5
USER = {"id": CHAT, "is_bot": False, "first_name": "Hạnh", "last_name": "Lê"}
STICKER = {"file_id": "f", "file_unique_id": "u", "type": "regular", "width": 1, "height": 1}
STICKER |= {"is_animated": False, "is_video": False}
PLACE = {"longitude": 106.7, "latitude": 10.776}


class _Silent:
    """A Telegram that takes every call, and an understanding that must not be asked."""

    async def answer_callback_query(self, _callback_id: str) -> None:
        return None

    async def ask(self, _question: Any) -> Any:
        raise AssertionError("the assistant was asked")


def message(**content: Any) -> dict[str, Any]:
    return {"message": {"message_id": 1, "date": 1, "chat": {"id": CHAT, "type": "private"}, "from": USER, **content}}


def pressed(title: str, token: str, known: str) -> dict[str, Any]:
    keyboard = {"inline_keyboard": [[{"text": title, "callback_data": known}]]}
    asked = message(text="?", reply_markup=keyboard)["message"]
    return {"callback_query": {"id": "q", "from": USER, "chat_instance": "i", "data": token, "message": asked}}


@pytest.mark.parametrize(
    ("update", "seen"),
    [
        (message(text="alo"), "alo"),
        (message(sticker={**STICKER, "emoji": "👍"}), "👍"),
        (message(sticker=STICKER), "🙂"),
        (message(location=PLACE), "📍 10.77600, 106.70000"),
        (message(venue={"location": PLACE, "title": "Chợ", "address": "1 Lê Lợi"}, location=PLACE), "📍 Chợ, 1 Lê Lợi"),
        (message(contact={"phone_number": "0900", "first_name": "A"}), "👤 A 0900"),
        (message(dice={"emoji": "🎲", "value": 1}), "❔"),
        (pressed("Xem đơn hàng", "t", "t"), "Xem đơn hàng"),
        (pressed("Xem đơn hàng", "forged", "t"), ""),
    ],
)
async def test_it_stands_in_the_conversation(database: Database, update: dict[str, Any], seen: str) -> None:
    bot_id = settings().bot_id
    with database.begin() as session:
        talk = customers.meet(session, Caller(bot_id, CHAT, "Hạnh"))
        call = escalations.open_for(session, talk, EscalationReason.ASKED)
        lan = factories.agent(session)
        escalations.claim(session, call.id, lan)
        escalations.reply(session, call.id, lan, "Dạ em nghe ạ")
        inbound.store(session, bot_id, [Arrival(1, CHAT, {"update_id": 1, **update})])
        row = session.scalars(select(Inbound)).one()
    silent = _Silent()
    taker = TurnTaker(cast(Bot, silent), settings(), database, cast(Understanding, silent))
    await taker.handle(row)
    await asyncio.sleep(0)
    with database.read() as session:
        [heard] = session.scalars(select(Message).where(Message.direction == Direction.IN))
        assert heard.text == seen
        assert [each.body["text"] for each in session.scalars(select(Outbox))] == ["Dạ em nghe ạ"]
        assert session.get_one(Inbound, row.id).state is InboundState.DONE
        alive = escalations.current(session, talk.id)
        assert alive is not None
        assert alive.waiting_since is not None
        assert alive.due_back_at is not None
