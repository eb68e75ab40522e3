"""While a person holds the conversation, what the customer sends or presses stands in it, and nobody else answers."""

import asyncio
from datetime import timedelta
from typing import Any, cast

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from telegram import Bot

from bot.turns import TurnTaker
from bot.understanding import Understanding
from crm import clock, complaints, customers, escalations, inbound, send_limits, surveys
from crm.customers import Caller
from crm.db import Database
from crm.inbound import Arrival
from crm.models.care import Rating
from crm.models.cases import RecoveryTask
from crm.models.conversations import Conversation, Direction, EscalationReason, Message, Mode
from crm.models.messaging import ButtonToken, Inbound, InboundState, Outbox
from crm.outbox import Button
from crm.settings import settings
from tests.crm import factories

CHAT = 5
USER = {"id": CHAT, "is_bot": False, "first_name": "Hạnh", "last_name": "Lê"}
STICKER = {"file_id": "f", "file_unique_id": "u", "type": "regular", "width": 1, "height": 1}
STICKER |= {"is_animated": False, "is_video": False}
PLACE = {"longitude": 106.7, "latitude": 10.776}


class _Silent:
    """A Telegram that takes every call, and an understanding that must not be asked."""

    def __init__(self) -> None:
        self.acknowledged = asyncio.Event()

    async def answer_callback_query(self, _callback_id: str) -> None:
        self.acknowledged.set()

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


def _press(session: Session, talk: Conversation, number: int, button: Button) -> Inbound:
    """The update of a press on `button`, which was given to this chat."""
    token = f"t{number}"
    known = {"account_id": talk.account_id, "created_at": clock.now(), "expires_at": clock.now() + timedelta(days=1)}
    session.add(ButtonToken(token=token, title=button.title, payload=button.payload, **known))
    arrival = Arrival(number, CHAT, {"update_id": number, **pressed(button.title, token, token)})
    inbound.store(session, settings().bot_id, [arrival])
    return session.scalars(select(Inbound).where(Inbound.update_id == number)).one()


async def _rated(database: Database, score: int, of_case: bool, held: bool) -> tuple[int, int | None]:
    """A survey's button pressed while people answer, handled twice, and pressed once more; agent and case."""
    silent = _Silent()
    with database.begin() as session:
        talk = customers.meet(session, Caller(settings().bot_id, CHAT, "Hạnh"))
        lan, tu = factories.agent(session), factories.agent(session, "tu")
        case = complaints.submit(session, talk.customer, talk, complaints.Report("máy hỏng"))
        complaints.resolve(session, case, lan, "Shop đổi máy ạ")
        call = escalations.open_for(session, talk, EscalationReason.ASKED)
        if held:
            escalations.claim(session, call.id, tu)
        button = surveys.score_buttons(case.id if of_case else None)[score - 1]
        rows = [_press(session, talk, number, button) for number in (1, 2)]
    for row in (rows[0], rows[0], rows[1]):
        taker = TurnTaker(cast(Bot, silent), settings(), database, cast(Understanding, silent))
        await taker.handle(row)
    return lan.id, case.id if of_case else None


@pytest.mark.parametrize(
    ("score", "of_case", "held"), [(1, True, True), (2, False, False), (5, True, False), (4, False, True)]
)
async def test_a_score_is_kept_once_with_the_agent_and_case_of_its_survey_and_thanked_for(
    database: Database, score: int, of_case: bool, held: bool
) -> None:
    lan, case = await _rated(database, score, of_case, held)
    with database.read() as session:
        [rating] = session.scalars(select(Rating))
        assert (rating.score, rating.complaint_id, rating.staff_id) == (score, case, lan if of_case else None)
        tasks = session.scalars(select(RecoveryTask.rating_id)).all()
        assert list(tasks) == ([rating.id] if score <= 2 else [])
        answers = select(Outbox).where(Outbox.dedupe_key.startswith("turn:")).order_by(Outbox.id)
        thanks = [row.body["text"] for row in session.scalars(answers)]
        assert len(thanks) == 2  # one for each press, none for the update that came twice
        assert all(f"{score}/5" in each for each in thanks)
        [talk] = session.scalars(select(Conversation))
        assert talk.mode is Mode.PEOPLE
        heard = session.scalars(select(Message.text).where(Message.direction == Direction.IN)).all()
        assert list(heard) == [f"{score} ⭐"] * 2


async def test_a_score_for_a_case_that_is_gone_is_left_to_people(database: Database) -> None:
    silent = _Silent()
    with database.begin() as session:
        talk = customers.meet(session, Caller(settings().bot_id, CHAT, "Hạnh"))
        escalations.open_for(session, talk, EscalationReason.ASKED)
        row = _press(session, talk, 1, surveys.score_buttons(4711)[0])
    await TurnTaker(cast(Bot, silent), settings(), database, cast(Understanding, silent)).handle(row)
    with database.read() as session:
        assert session.scalars(select(Rating)).all() == []
        assert session.get_one(Inbound, row.id).state is InboundState.DONE


@pytest.mark.parametrize("frozen_s", [0, 60])
async def test_a_press_is_acknowledged_unless_telegram_wants_no_calls(database: Database, frozen_s: int) -> None:
    silent = _Silent()
    with database.begin() as session:
        talk = customers.meet(session, Caller(settings().bot_id, CHAT, "Hạnh"))
        escalations.open_for(session, talk, EscalationReason.ASKED)
        row = _press(session, talk, 1, surveys.score_buttons(4711)[0])
        if frozen_s:
            send_limits.freeze(session, settings().bot_id, frozen_s)
    await TurnTaker(cast(Bot, silent), settings(), database, cast(Understanding, silent)).handle(row)
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.wait_for(asyncio.gather(*others), 10)
    assert silent.acknowledged.is_set() is not bool(frozen_s)
    with database.read() as session:
        assert session.get_one(Inbound, row.id).state is InboundState.DONE
