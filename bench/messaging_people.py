"""Rows to measure with: customers who may be written to, and a broadcast with its messages; a statement for each."""

from typing import Any

from sqlalchemy import Select, case, delete, func, insert, literal, select, text, update
from sqlalchemy.orm import Session

from bench.messaging_world import FIRST_CHAT
from crm import clock, consents, outbox
from crm.db import Database
from crm.models.base import UtcDateTime
from crm.models.campaigns import Campaign, CampaignState
from crm.models.conversations import Conversation
from crm.models.messaging import Outbox, OutboxKind, OutboxState
from crm.models.people import ChannelAccount, Consent, Customer, Purpose, Stage, Tier
from crm.models.staff import Role, Staff

WORDS = "[QC] Dạ shop mời anh/chị ghé xem nồi cơm mới về, đang giảm 10 % tới hết tuần ạ.\n\nNhắn DỪNG để thôi nhận tin."


def fill(database: Database, bot_id: int, count: int) -> None:
    """`count` customers of one chat each, numbered from FIRST_CHAT, who agreed to advertising; a tenth are gold."""
    with database.begin() as session:
        moment = literal(clock.now(), UtcDateTime())
        numbers = _numbers(count)
        named = literal("Nguyễn Hạnh ").op("||")(numbers.c.number)
        folded = literal("nguyen hanh ").op("||")(numbers.c.number)
        gold, none = literal(Tier.GOLD, Customer.tier.type), literal(Tier.NONE, Customer.tier.type)
        tier = case((numbers.c.number % 10 == 0, gold), else_=none)
        current = literal(Stage.CURRENT, Customer.stage.type)
        _insert(
            session, Customer, select(named, folded, tier, current, moment), "name name_folded tier stage created_at"
        )
        chat = Customer.id + (FIRST_CHAT - 1)
        account = select(Customer.id, literal(bot_id), chat, moment)
        _insert(session, ChannelAccount, account, "customer_id bot_id chat_id created_at")
        talk = select(ChannelAccount.id, ChannelAccount.customer_id, moment)
        _insert(session, Conversation, talk, "account_id customer_id created_at")
        agreed = select(
            Customer.id,
            literal(Purpose.MARKETING, Consent.purpose.type),
            literal(True),
            literal(consents.WORDING_VERSION),
            literal("telegram"),
            moment,
        )
        _insert(session, Consent, agreed, "customer_id purpose granted wording_version channel at")
    analyse(database)


def staff(session: Session) -> tuple[Staff, Staff]:
    """Two people of marketing: one writes, the other approves."""
    two = [
        Staff(username=name, name=name, role=Role.MARKETING, password_hash="", created_at=clock.now())
        for name in ("hanh", "tuan")
    ]
    session.add_all(two)
    session.flush()
    return two[0], two[1]


def queue_broadcast(database: Database, count: int) -> int:
    """A paused broadcast with one queued message to each of the first `count` accounts, and no other message.

    Returns: its number, for `release`.
    """
    with database.begin() as session:
        session.execute(delete(Outbox))
        moment = clock.now()
        author = session.scalar(select(Staff)) or staff(session)[0]
        broadcast = Campaign(
            name="bench",
            text=WORDS,
            audience={"kind": "all"},
            state=CampaignState.PAUSED,
            created_by=author.id,
            created_at=moment,
            started_at=moment,
            watched_since=moment,
        )
        session.add(broadcast)
        session.flush()
        _insert(session, Outbox, _messages(broadcast.id, count), _COLUMNS)
    analyse(database)
    return broadcast.id


_COLUMNS = "bot_id account_id kind purpose priority body state campaign_id not_before created_at"


def _messages(campaign_id: int, count: int) -> Select[Any]:
    moment = literal(clock.now(), UtcDateTime())
    columns: list[Any] = [
        ChannelAccount.bot_id,
        ChannelAccount.id,
        literal(OutboxKind.MARKETING, Outbox.kind.type),
        literal(Purpose.MARKETING, Outbox.purpose.type),
        literal(outbox.PRIORITY[OutboxKind.MARKETING]),
        literal({"text": WORDS}, Outbox.body.type),
        literal(OutboxState.QUEUED, Outbox.state.type),
        literal(campaign_id),
        moment,
        moment,
    ]
    return select(*columns).order_by(ChannelAccount.id).limit(count)


def release(database: Database, campaign_id: int) -> None:
    """From now on the broadcast's messages may go."""
    with database.begin() as session:
        running = update(Campaign).where(Campaign.id == campaign_id)
        session.execute(running.values(state=CampaignState.RUNNING))


def end(database: Database, campaign_id: int) -> dict[str, int]:
    """Ends the broadcast; how many of its messages are in which state."""
    with database.begin() as session:
        session.execute(update(Campaign).where(Campaign.id == campaign_id).values(state=CampaignState.FINISHED))
        states = select(Outbox.state, func.count()).where(Outbox.campaign_id == campaign_id).group_by(Outbox.state)
        return {state.value: count for state, count in session.execute(states)}


def analyse(database: Database) -> None:
    """Lets PostgreSQL's planner know what is there, as its autovacuum does after a while."""
    if database.engine.dialect.name == "postgresql":
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))


def _numbers(count: int) -> Any:
    first = select(literal(1).label("number")).cte("numbers", recursive=True)
    return first.union_all(select(first.c.number + 1).where(first.c.number < count))


def _insert(session: Session, kind: Any, rows: Any, columns: str) -> None:
    session.execute(insert(kind).from_select(columns.split(), rows))
