"""Customers by the hundred: in our tables, agreed to everything, each with a chat the bot may write to."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from crm import clock, consents, outbox, text
from crm.models.conversations import Conversation
from crm.models.messaging import Outbox, OutboxKind
from crm.models.people import ChannelAccount, Consent, Customer, Purpose
from crm.outbox import Content
from crm.settings import settings
from tests.faults.world import BOT_ID, TOKEN, World

FIRST_CHAT = 810_000_001
GIVEN = ("Hạnh", "Tuấn", "Mai", "Dũng", "Ngọc", "Phúc", "Thảo", "Long")
PURPOSE = {
    OutboxKind.REPLY: Purpose.SERVICE,
    OutboxKind.CARE: Purpose.SERVICE,
    OutboxKind.MARKETING: Purpose.MARKETING,
}


@contextmanager
def writing(world: World) -> Iterator[Session]:
    """A transaction as one of the world's own processes would make it, under its settings."""
    before = dict(os.environ)
    os.environ.update(world.settings)
    settings.cache_clear()
    try:
        with world.database.begin() as session:
            yield session
    finally:
        os.environ.clear()
        os.environ.update(before)
        settings.cache_clear()


def gather(world: World, count: int, *, first: int = FIRST_CHAT, consent: bool = True) -> list[int]:
    """Makes `count` customers and returns their chats. Call it before a bot runs: no update comes of it.

    Args:
        first: number of the first chat; the others follow.
        consent: whether they agreed to greetings and advertising.
    """
    chats = list(range(first, first + count))
    known_to_us(world, chats, consent)
    known_to_telegram(world, chats)
    return chats


def name_of(chat: int) -> str:
    """Different people are called differently, so that a message in the wrong chat shows."""
    return f"Nguyễn {GIVEN[chat % len(GIVEN)]}"


def known_to_us(world: World, chats: Sequence[int], consent: bool = True) -> None:
    """Rows of customers, accounts, conversations and consents, in a handful of statements."""
    moment = clock.now()
    with world.database.begin() as session:
        people = [{"name": name_of(c), "name_folded": text.fold(name_of(c)), "created_at": moment} for c in chats]
        adding = insert(Customer).returning(Customer.id, sort_by_parameter_order=True)
        owners = list(session.scalars(adding, people))
        session.execute(insert(ChannelAccount), [_account(*pair, moment) for pair in zip(owners, chats, strict=True)])
        accounts = select(ChannelAccount.id, ChannelAccount.customer_id).where(ChannelAccount.customer_id.in_(owners))
        talks = [{"account_id": a, "customer_id": c, "created_at": moment} for a, c in session.execute(accounts)]
        session.execute(insert(Conversation), talks)
        if consent:
            session.execute(insert(Consent), [line for owner in owners for line in _agreed(owner, moment)])


def known_to_telegram(world: World, chats: Sequence[int]) -> None:
    """People who pressed Start long ago: nothing of it is pending any more."""
    for chat in chats:
        world.telegram.person(chat, name_of(chat))
    # While the bot wants button presses only, what people write makes no update.
    world.telegram.call(TOKEN, "getUpdates", allowed_updates=["callback_query"], timeout=0)
    for chat in chats:
        world.telegram.write(chat, "/start")


def queue(world: World, chats: Sequence[int], kind: OutboxKind, words: str) -> dict[int, int]:
    """Queues one message of `kind` to each chat, its text made the chat's own; row id by chat."""
    with writing(world) as session:
        mine = select(ChannelAccount).where(ChannelAccount.chat_id.in_(chats))
        accounts = {account.chat_id: account for account in session.scalars(mine)}
        rows = {}
        for chat in chats:
            content = Content(f"{words} cho {name_of(chat)} ({chat})")
            row = outbox.enqueue(session, accounts[chat], content, kind=kind, purpose=PURPOSE[kind])
            assert row is not None
            rows[chat] = row.id
    return rows


def rows_of(world: World, ids: Sequence[int]) -> list[Outbox]:
    """The rows as they stand, in the order of `ids`."""
    with world.database.read() as session:
        found = {row.id: row for row in session.scalars(select(Outbox).where(Outbox.id.in_(ids)))}
    return [found[number] for number in ids]


def account_of(world: World, chat: int) -> ChannelAccount:
    """The account as it stands."""
    with world.database.read() as session:
        return session.scalars(select(ChannelAccount).where(ChannelAccount.chat_id == chat)).one()


def _account(owner: int, chat: int, moment: object) -> dict[str, object]:
    return {"customer_id": owner, "bot_id": BOT_ID, "chat_id": chat, "created_at": moment}


def _agreed(owner: int, moment: object) -> list[dict[str, object]]:
    line = {"granted": True, "wording_version": consents.WORDING_VERSION, "channel": "test", "at": moment}
    return [{"customer_id": owner, "purpose": purpose, **line} for purpose in (Purpose.GREETINGS, Purpose.MARKETING)]
