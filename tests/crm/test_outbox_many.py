"""Queueing many messages at once makes the same rows as queueing them one by one."""

from datetime import timedelta
from typing import Any

import time_machine
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from crm import clock, outbox
from crm.models.base import Base
from crm.models.conversations import Message
from crm.models.messaging import ButtonToken, Outbox, OutboxKind
from crm.models.people import ChannelAccount, Purpose
from crm.outbox import Addressed, Button, Content
from tests.crm import factories

NOON = "2026-11-24T05:00:00Z"
CONTENT = Content("Chào bạn", photo="a.jpg", buttons=[[Button("Có", "/affirm")]])
DIFFER = {"id", "account_id", "dedupe_key", "conversation_id", "outbox_id", "body", "token"}


def accounts(session: Session, count: int) -> list[ChannelAccount]:
    found = [factories.conversation(session, chat_id).account for chat_id in range(1, count + 1)]
    session.flush()
    return found


def columns(row: Base) -> dict[str, Any]:
    return {column.key: getattr(row, column.key) for column in row.__table__.columns if column.key not in DIFFER}


@time_machine.travel(NOON, tick=False)
def test_the_rows_are_those_that_one_by_one_would_be(session: Session) -> None:
    one, other = accounts(session, 2)
    kind, until = OutboxKind.MARKETING, clock.now() + timedelta(days=3)
    alone = outbox.enqueue(
        session, one, CONTENT, kind=kind, purpose=Purpose.MARKETING, dedupe_key="a", expires_at=until
    )
    made = outbox.enqueue_many(
        session, [Addressed(other, CONTENT, "b")], kind=kind, purpose=Purpose.MARKETING, expires_at=until
    )
    assert alone is not None
    together = session.get_one(Outbox, made["b"])
    assert columns(together) == columns(alone)
    assert together.account_id == other.id
    assert together.body.keys() == alone.body.keys()
    told = session.scalars(select(Message).order_by(Message.outbox_id)).all()
    assert columns(told[1]) == columns(told[0])
    assert [message.outbox_id for message in told] == [alone.id, together.id]
    tokens = {token.account_id: token.token for token in session.scalars(select(ButtonToken))}
    assert together.body["buttons"][0][0]["token"] == tokens[other.id]


def test_a_key_that_is_there_already_or_comes_twice_makes_no_second_row(session: Session) -> None:
    one, other = accounts(session, 2)
    first = outbox.enqueue(session, one, Content("x"), kind=OutboxKind.CARE, dedupe_key="a")
    assert first is not None
    letters = [
        Addressed(one, Content("y"), "a"),
        Addressed(other, Content("z"), "b"),
        Addressed(one, Content("w"), "b"),
    ]
    numbers = outbox.enqueue_many(session, letters, kind=OutboxKind.CARE)
    assert numbers["a"] == first.id
    assert outbox.enqueue_many(session, letters, kind=OutboxKind.CARE) == numbers
    assert set(session.scalars(select(Outbox.dedupe_key))) == {"a", "b"}
    assert len(session.scalars(select(Message)).all()) == 2


def test_the_number_of_statements_does_not_grow_with_the_messages(session: Session) -> None:
    people = accounts(session, 40)
    counts = []
    for number, some in enumerate((people[:5], people)):
        letters = [Addressed(account, Content("x"), f"{number}:{account.id}") for account in some]
        counts.append(_statements(session, letters))
    assert counts[0] == counts[1]


def _statements(session: Session, letters: list[Addressed]) -> int:
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    bind = session.get_bind()
    event.listen(bind, "before_cursor_execute", note)
    outbox.enqueue_many(session, letters, kind=OutboxKind.CARE)
    event.remove(bind, "before_cursor_execute", note)
    return len(seen)
