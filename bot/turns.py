"""One update, from the inbox to the answer in the outbox."""

import asyncio
import json
from collections.abc import Callable
from typing import Any, TypeVar

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from telegram import Bot
from telegram.error import TelegramError

from bot.freeze import frozen_s
from bot.photos import Files, NotStored
from bot.understanding import NotUnderstood, Understanding
from bot.updates import UNSUPPORTED, Incoming, Kind, read
from crm import crash, customers, escalations, inbound, turns
from crm.attachments import DOCUMENT, PHOTO, SIGNS, VOICE, fit_name
from crm.db import Database
from crm.models.conversations import Mode
from crm.models.messaging import Inbound
from crm.settings import Settings
from crm.turns import Said, Turn

log = structlog.get_logger()
FILE_SIGNS = {Kind.PHOTO: SIGNS[PHOTO], Kind.VOICE: SIGNS[VOICE], Kind.DOCUMENT: SIGNS[DOCUMENT]}
T = TypeVar("T")


class TurnTaker:
    """Handles stored updates one at a time a chat; every ending marks the update done in the same commit."""

    def __init__(self, bot: Bot, settings: Settings, database: Database, understanding: Understanding) -> None:
        self._bot = bot
        self._settings = settings
        self._database = database
        self._understanding = understanding
        self._files = Files(bot, settings, database)

    async def handle(self, row: Inbound) -> None:
        """Handles one update. Raises whatever went wrong; the update then stays pending.

        LeaseLost is among it, and NotYet, before anything is recorded, for a file that cannot be had now.
        """
        incoming = read(row.bot_id, row.payload)
        if incoming.callback_id is not None:
            asyncio.create_task(self._acknowledge(incoming.callback_id))  # noqa: RUF006 - best effort, owns itself
        if incoming.kind in (Kind.IGNORED, Kind.BLOCKED):
            await self._in_transaction(lambda session: _put_aside(session, row, incoming))
        elif incoming.kind in FILE_SIGNS:
            await self._take(row, incoming, await self._said(row, incoming))
        else:
            await self._take(row, incoming, Said(incoming.text or incoming.sign))

    async def _take(self, row: Inbound, incoming: Incoming, said: Said) -> None:
        def begin(session: Session) -> tuple[Turn, dict[str, str] | None]:
            return _begin(session, row, incoming, said)

        turn, question = await self._in_transaction(begin)
        crash.point("turns.begun")
        if question is None:
            return
        try:
            answer = await self._understanding.ask(_request(turn, question))
        except NotUnderstood as error:
            reason = str(error)
            log.warning("no answer from the understanding", inbound_id=row.id, error=reason[:200])
            await self._in_transaction(lambda session: turns.give_up(session, turn, reason))
            return
        crash.point("turns.answered")
        await self._in_transaction(lambda session: turns.finish(session, turn, answer.messages, answer.heard))
        crash.point("turns.finished")

    async def _said(self, row: Inbound, incoming: Incoming) -> Said:
        """What is said with a photo, a voice message or a file: people can hear and open it, whoever answers."""
        photo = incoming.kind is Kind.PHOTO
        name = "" if photo else fit_name(incoming.file_name)
        words = incoming.text or f"{FILE_SIGNS[incoming.kind]} {name}".strip()
        try:
            stored = await self._files.fetch(row, incoming.data, name, photo=photo)
        except NotStored as error:
            log.warning("file not stored", kind=incoming.kind.name, error=str(error))
            return Said(words)
        return Said(words, [stored.item])

    async def _acknowledge(self, callback_id: str) -> None:
        """Takes the clock off the button; not while Telegram wants no calls: it goes off by itself."""
        try:
            if not await frozen_s(self._database, self._settings.bot_id):
                await self._bot.answer_callback_query(callback_id)
        except (TelegramError, SQLAlchemyError) as error:
            log.info("button press not acknowledged", error=type(error).__name__)

    async def _in_transaction(self, work: Callable[[Session], T]) -> T:
        return await asyncio.to_thread(self._work, work)

    def _work(self, work: Callable[[Session], T]) -> T:
        with self._database.begin() as session:
            return work(session)


def _put_aside(session: Session, row: Inbound, incoming: Incoming) -> None:
    """Ends an update that nobody answers; a customer who blocked the bot is not written to until they write again."""
    if incoming.kind is Kind.BLOCKED:
        account = customers.account_by_chat(session, incoming.caller.bot_id, incoming.caller.chat_id)
        if account is not None:
            account.reachable, account.unreachable_reason = False, "blocked by the customer"
    inbound.finish(session, row.id, row.claimed_by)


def _begin(session: Session, row: Inbound, incoming: Incoming, said: Said) -> tuple[Turn, dict[str, str] | None]:
    """Records the customer's part and answers what needs no understanding.

    Returns:
        The turn, and what to ask Rasa ({"text": …} or {"payload": …}); None when the turn has ended here.
    """
    button = None
    if incoming.kind is Kind.BUTTON:
        button = turns.button(session, (incoming.caller.bot_id, incoming.caller.chat_id), incoming.data)
        said = Said(button.title if button else incoming.sign)
    turn = turns.begin(session, row.id, f"inbound-{row.id}", incoming.caller, said, row.claimed_by)
    if turns.wants_stop(incoming.text):
        turns.stop_advertising(session, turn, incoming.text)
    elif incoming.kind is Kind.EDITED:
        # Said again, not said anew: staff read it, and no question is answered by it.
        turns.finish(session, turn, [])
    elif button is not None and button.payload == escalations.RESUME:
        turns.resume_assistant(session, turn)
    elif incoming.kind in FILE_SIGNS and not said.attachments:
        # Whoever answers: people cannot know that behind its sign there is nothing to open.
        lost = "photo_not_stored" if incoming.kind is Kind.PHOTO else "file_not_stored"
        turns.answer_with_template(session, turn, lost)
    elif turn.mode is Mode.PEOPLE:
        if button is None or not turns.take_rating(session, turn, button.payload):
            turns.leave_to_people(session, turn)
    elif incoming.kind in UNSUPPORTED:
        turns.answer_with_template(session, turn, incoming.kind.value)
    elif incoming.kind is Kind.BUTTON and button is None:
        turns.answer_with_template(session, turn, "stale_button")
    else:
        return turn, _question(incoming, said, button.payload if button else "")
    return turn, None


def _question(incoming: Incoming, said: Said, payload: str) -> dict[str, str]:
    match incoming.kind:
        case Kind.BUTTON:
            return {"payload": payload}
        case Kind.PHOTO:
            photo = {"photo": said.attachments[0]["path"], "caption": incoming.text}
            return {"payload": "/send_photo" + json.dumps({key: value for key, value in photo.items() if value})}
        case Kind.START:
            return {"payload": "/greet"}
        case Kind.COMMAND:
            return {"payload": incoming.data}
        case _:
            return {"text": incoming.text}


def _request(turn: Turn, question: dict[str, str]) -> dict[str, Any]:
    return {
        "conversation_id": f"account-{turn.account_id}",
        "turn_id": turn.turn_id,
        "slots": turn.slots,
        "anew": turn.anew,
        "metadata": turn.metadata,
        **question,
    }
