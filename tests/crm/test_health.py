from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import event, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from crm import audiences, campaigns, clock, dispatch, health, inbound, outbox, workers
from crm.db import Database
from crm.dispatch import Outcome
from crm.inbound import Arrival
from crm.models.campaigns import CampaignState
from crm.models.messaging import Inbound, Lease, OutboxKind, OutboxState
from crm.models.staff import Role
from crm.outbox import Content
from crm.settings import settings
from tests.crm import factories

BOT = settings().bot_id
NOON = datetime.fromisoformat("2027-02-06T12:00:00+07:00")
LONG_AGO = datetime.fromisoformat("2020-01-01T00:00:00+00:00")


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


def test_a_worker_that_died_is_missed_until_another_is_enlisted_or_some_minutes_have_passed(session: Session) -> None:
    with time_machine.travel(NOON, tick=False) as hand:
        fence, lives = (workers.enlist(session, BOT, owner, 900) for owner in "ab")
        health.beat(session, f"bot:{lives}", "serving", NOON + ago(3600))
        hand.shift(1)

        def dies(number: int | None) -> None:
            for part in (f"bot:{number}", f"bot:{number}:delivery"):
                health.beat(session, part, "serving")
            session.flush()
            session.execute(update(Lease).where(Lease.name == f"worker:{BOT}:{number}").values(expires_at=LONG_AGO))
            assert workers.bury(session, BOT) == {number}

        def missed() -> list[str]:
            workers.bury(session, BOT)
            session.flush()
            session.expire_all()
            return whats(session)

        dies(fence)
        hand.shift(31)
        (what,) = missed()
        assert f"bot:{fence} died 31 s ago" in what
        hand.shift(health.DEAD_S - 40)
        assert len(missed()) == 1
        hand.shift(10)
        assert missed() == []
        third = workers.enlist(session, BOT, "c", 900)
        hand.shift(1)
        dies(third)
        hand.shift(31)
        assert len(missed()) == 1
        workers.enlist(session, BOT, "d", 900)
        assert missed() == []


def test_telegram_out_of_reach_is_said_as_that(session: Session) -> None:
    health.beat(session, "bot:3", "serving")
    health.beat(session, "bot:3:intake", f"{health.NOT_REACHED}: NetworkError", clock.now() - ago(40))
    (problem,) = health.problems(session, BOT)
    assert "Telegram is not reached" in problem.what
    assert "TRIAN_TELEGRAM_PROXY" in problem.do


def test_a_job_that_hangs_or_fails_is_named_while_its_scheduler_lives(session: Session) -> None:
    health.beat(session, "job:campaigns", "DBAPIError", clock.now() - ago(health.JOB_LATE_S + 1))
    health.beat(session, "job:purge", "", clock.now() - ago(health.JOB_LATE_S + 1))
    assert whats(session) == []  # nobody's
    health.beat(session, "scheduler", "leading")
    (what,) = whats(session)
    assert "job campaigns" in what
    assert "DBAPIError" in what


def test_care_and_marketing_that_stand_still_are_named_and_those_that_may_not_go_are_not(session: Session) -> None:
    with time_machine.travel(NOON, tick=False) as hand:
        minh = factories.agent(session, "minh", Role.MARKETING)
        campaign = campaigns.create(session, minh, "Tết", "Chào {address}", audiences.EVERYBODY)
        campaign.state = CampaignState.RUNNING
        talks = [factories.conversation(session, number) for number in (1, 2, 3)]
        care = outbox.enqueue(session, talks[0].account, Content("x"), kind=OutboxKind.CARE)
        offer = outbox.enqueue(session, talks[1].account, Content("x"), kind=OutboxKind.MARKETING)
        later = outbox.enqueue(
            session, talks[2].account, Content("x"), kind=OutboxKind.CARE, not_before=NOON + timedelta(days=1)
        )
        assert care is not None and offer is not None and later is not None  # noqa: PT018
        offer.campaign_id = campaign.id
        hand.shift(599)
        assert whats(session) == []
        hand.shift(2)
        assert ["news to a customer" in what for what in whats(session)] == [True]  # the broadcast waits behind it
        care.state, care.sent_at = OutboxState.SENT, clock.now()
        assert ["a message of a broadcast" in what for what in whats(session)] == [True]
        campaign.state = CampaignState.PAUSED
        assert whats(session) == []
        campaign.state = CampaignState.RUNNING
        with time_machine.travel(NOON + timedelta(hours=10), tick=False):  # at night
            assert whats(session) == []
        offer.not_before = NOON + timedelta(hours=1)
        assert whats(session) == []
        offer.not_before, later.state, later.sent_at = NOON, OutboxState.SENT, clock.now()
        later.kind = OutboxKind.MARKETING  # the queue is long, and it moves
        assert whats(session) == []


def test_a_broadcast_that_is_due_and_not_started_is_named(session: Session) -> None:
    minh = factories.agent(session, "minh", Role.MARKETING)
    campaign = campaigns.create(session, minh, "Tết", "Chào {address}", audiences.EVERYBODY)
    campaign.state, campaign.scheduled_at = CampaignState.SCHEDULED, clock.now() - ago(200)
    assert whats(session) == []
    campaign.scheduled_at = clock.now() - ago(301)
    assert ["a broadcast has been due" in what for what in whats(session)] == [True]


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
