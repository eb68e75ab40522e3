from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from crm import clock, dispatch, health, inbound, outbox, workers
from crm.db import Database
from crm.dispatch import Outcome
from crm.inbound import Arrival
from crm.models.messaging import Inbound, OutboxKind
from crm.outbox import Content
from crm.settings import settings
from tests.crm import factories

BOT = settings().bot_id


def whats(session: Session) -> list[str]:
    session.flush()
    return [problem.what for problem in health.problems(session, BOT)]


def ago(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def test_all_is_well_while_everybody_gets_on(session: Session) -> None:
    for part in ("bot", "bot:3", "bot:3:delivery", "scheduler"):
        health.beat(session, part, "serving")
    assert whats(session) == []


def test_a_process_and_a_loop_that_stopped_are_named_with_what_they_last_said(session: Session) -> None:
    health.beat(session, "scheduler", "leading", clock.now() - ago(31))
    health.beat(session, "bot", "serving")
    health.beat(session, "bot:3", "serving")
    health.beat(session, "bot:3:intake", "no contact with Telegram: TimedOut", clock.now() - ago(31))
    first, second = whats(session)
    assert "scheduler" in first
    assert "bot:3:intake" in second
    assert "no contact with Telegram" in second
    assert all(problem.red and problem.do for problem in health.problems(session, BOT))
    assert [sign.process for sign in health.signs(session)] == ["bot", "scheduler"]


def test_a_worker_that_is_buried_is_not_missed(session: Session) -> None:
    fence = workers.enlist(session, BOT, "a", 15)
    for part in (f"bot:{fence}", f"bot:{fence}:delivery", f"bot:{fence}1:delivery"):
        health.beat(session, part, "serving", clock.now() - ago(60))
    assert len(whats(session)) == 3
    assert fence is not None
    workers.retire(session, BOT, fence)
    assert [f"bot:{fence}1:delivery" in what for what in whats(session)] == [True]


def test_queues_that_grow_old_are_red(session: Session) -> None:
    account = factories.conversation(session).account
    row = outbox.enqueue(session, account, Content("x"), kind=OutboxKind.REPLY)
    assert row is not None
    inbound.store(session, BOT, [Arrival(1, 1, {})])
    assert whats(session) == []
    row.not_before -= ago(61)
    session.query(Inbound).one().received_at -= ago(61)
    assert len(whats(session)) == 2
    dispatch.claim(session, settings(), 1, 1)
    assert row.sending_at is not None
    row.sending_at -= ago(61)
    assert any("on its way" in what for what in whats(session))


def test_dead_letters_want_attention_and_alarm_nobody(session: Session) -> None:
    inbound.store(session, BOT, [Arrival(1, 1, {})])
    number = session.query(Inbound).one().id
    while not inbound.fail(session, number, "boom"):
        pass
    outbox.enqueue(session, factories.conversation(session).account, Content("x"), kind=OutboxKind.REPLY)
    (letter,) = dispatch.claim(session, settings(), 1, 1)
    factories.settle(session, letter, Outcome.REJECTED, reason="Bad Request")
    assert [problem.red for problem in health.problems(session, BOT)] == [False, False]
    session.flush()
    assert len(whats(session)) == 2


def test_a_database_that_can_only_be_read_is_noticed(database: Database) -> None:
    with database.begin() as session:
        health.try_to_write(session)
    reading_only = Database(database.engine.url.render_as_string(hide_password=False))
    only = (
        "PRAGMA query_only=ON" if database.engine.dialect.name == "sqlite" else "SET default_transaction_read_only=on"
    )

    def restrict(connection: Any, _record: Any) -> None:
        connection.execute(only)
        connection.commit()

    event.listen(reading_only.engine, "connect", restrict)
    with pytest.raises(DBAPIError), reading_only.begin() as session:
        health.try_to_write(session)
    reading_only.dispose()
