import threading
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crm import audiences, campaigns, clock, complaints, consents, greetings, health, leases, surveys
from crm.complaints import Report
from crm.db import Database
from crm.models.care import Greeting, GreetingState, Survey
from crm.models.catalogue import Product
from crm.models.messaging import Lease, Outbox, OutboxKind
from crm.models.people import AuditEntry, Purpose
from crm.models.staff import Role
from crm.settings import settings
from scheduler.jobs import Jobs
from scheduler.leadership import LEASE, Leadership
from tests.crm import factories

TET_MORNING = clock.at_local(date(2027, 2, 6), 9, settings().zone)


@pytest.fixture
def clock_hand() -> Iterator[Any]:
    with time_machine.travel(TET_MORNING, tick=False) as traveller:
        yield traveller


def _jobs(database: Database) -> tuple[Jobs, Leadership]:
    leadership = Leadership(database)
    return Jobs(database, leadership, threading.Event()), leadership


def _pass(database: Database, clock_hand: Any, seconds: float) -> None:
    """Time goes on, for the leases too: they are on the database's clock, which the hand does not move."""
    clock_hand.shift(timedelta(seconds=seconds))
    if database.engine.dialect.name != "sqlite":
        with database.begin() as session:
            for lease in session.scalars(select(Lease)):
                lease.expires_at -= timedelta(seconds=seconds)


def _people(database: Database, count: int) -> None:
    with database.begin() as session:
        for number in range(1, count + 1):
            talk = factories.conversation(session, number)
            for purpose in (Purpose.GREETINGS, Purpose.MARKETING):
                consents.record(session, talk.customer_id, purpose, granted=True, channel="test")


def _sent(database: Database, kind: OutboxKind) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).where(Outbox.kind == kind)) or 0


def test_the_leader_does_all_that_is_due_and_a_second_one_nothing(database: Database, clock_hand: Any) -> None:
    _people(database, 3)
    with database.begin() as session:
        minh = factories.agent(session, "minh", Role.MARKETING)
        campaign = campaigns.create(session, minh, "Tết", "Chúc {address} năm mới", audiences.EVERYBODY)
        campaigns.schedule(session, campaign, minh)
    (first, leads), (second, stands_by) = _jobs(database), _jobs(database)
    first.lead()
    second.lead()
    assert (leads.leading, stands_by.leading) == (True, False)
    for jobs in (second, first, second, first):
        jobs.greetings()
        jobs.campaigns()
        jobs.surveys()
        if jobs is second and _sent(database, OutboxKind.CARE) == 0:
            assert _sent(database, OutboxKind.MARKETING) == 0
    assert (_sent(database, OutboxKind.CARE), _sent(database, OutboxKind.MARKETING)) == (3, 3)
    with database.read() as session:
        assert [(sign.process, sign.status) for sign in health.signs(session)] == [("scheduler", "leading")]


def test_a_leader_frozen_for_five_minutes_writes_nothing_when_it_wakes(database: Database, clock_hand: Any) -> None:
    _people(database, 2)
    (frozen, old), (fresh, new) = _jobs(database), _jobs(database)
    frozen.lead()
    _pass(database, clock_hand, 300)
    fresh.lead()
    assert old.leading
    assert new.leading
    frozen.greetings()
    assert _sent(database, OutboxKind.CARE) == 0
    assert not old.leading
    fresh.greetings()
    frozen.lead()
    frozen.greetings()
    assert _sent(database, OutboxKind.CARE) == 2
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Greeting)) == 2


def test_one_that_stops_hands_over_at_once_and_one_that_died_after_its_time(
    database: Database, clock_hand: Any
) -> None:
    (first, leads), (second, waits) = _jobs(database), _jobs(database)
    first.lead()
    leads.give_up()
    second.lead()
    assert waits.leading
    first.lead()
    assert not leads.leading
    _pass(database, clock_hand, settings().lease_ttl_s + 1)
    first.lead()
    assert leads.leading


def test_the_survey_is_asked_once_its_time_has_come(database: Database, clock_hand: Any) -> None:
    with database.begin() as session:
        talk, lan = factories.conversation(session), factories.agent(session)
        complaint = complaints.submit(session, talk.customer, talk, Report("nồi không nóng"))
        complaints.resolve(session, complaint, lan, "đã đổi nồi mới")
    jobs, _ = _jobs(database)
    jobs.lead()
    jobs.surveys()
    assert _sent(database, OutboxKind.CARE) == 1  # the answer alone
    clock_hand.shift(settings().survey_delay_s + 1)
    jobs.lead()
    jobs.surveys()
    jobs.surveys()
    assert _sent(database, OutboxKind.CARE) == 2
    with database.read() as session:
        assert session.scalars(select(Survey)).one().asked_at == clock.now()


def test_a_job_that_fails_stops_neither_itself_nor_the_others(
    database: Database, clock_hand: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _people(database, 1)
    jobs, _ = _jobs(database)
    jobs.lead()

    def broken(_session: Session, _moment: datetime) -> int:
        raise ValueError("a broken text")

    with monkeypatch.context() as patch:
        patch.setattr(surveys, "ask_due", broken)
        jobs.surveys()
        patch.setattr(greetings, "queue_due", broken)
        jobs.greetings()
    assert _sent(database, OutboxKind.CARE) == 0
    jobs.greetings()
    assert _sent(database, OutboxKind.CARE) == 1


def test_a_failed_step_leaves_nothing_half_done(
    database: Database, clock_hand: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _people(database, 3)
    jobs, _ = _jobs(database)
    jobs.lead()
    real, calls = greetings.text_for, []

    def breaks_at_the_second(*args: Any) -> str:
        calls.append(args)
        if len(calls) == 2:
            raise KeyError("a hole")
        return real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(greetings, "text_for", breaks_at_the_second)
        jobs.greetings()
    assert _sent(database, OutboxKind.CARE) == 0
    jobs.greetings()
    assert _sent(database, OutboxKind.CARE) == 3


def test_a_stop_ends_a_long_job_between_two_steps(database: Database, clock_hand: Any) -> None:
    _people(database, 1)
    leadership, stopping = Leadership(database), threading.Event()
    jobs = Jobs(database, leadership, stopping)
    jobs.lead()
    stopping.set()
    jobs.greetings()
    assert _sent(database, OutboxKind.CARE) == 0


def test_the_lease_is_the_schedulers_own(database: Database, clock_hand: Any) -> None:
    jobs, leadership = _jobs(database)
    with database.begin() as session:
        leases.acquire(session, "bot:1", "somebody", 15)
    jobs.lead()
    assert leadership.leading
    with database.begin() as session:
        assert leases.acquire(session, LEASE, "somebody", 15) is None


def test_the_leader_purges_once_a_night_and_a_second_one_not_at_all(database: Database, clock_hand: Any) -> None:
    clock_hand.move_to(clock.at_local(date(2027, 2, 6), 2, settings().zone))
    (first, _), (second, _) = _jobs(database), _jobs(database)
    first.lead()

    def purged() -> int:
        with database.read() as session:
            return session.scalar(select(func.count()).where(AuditEntry.action == "purge")) or 0

    for hour, expected in ((2, 0), (3, 1), (23, 1), (26, 1), (27, 2)):
        clock_hand.move_to(clock.at_local(date(2027, 2, 6), 0, settings().zone) + timedelta(hours=hour))
        first.lead()
        for jobs in (second, first, first):
            jobs.purge()
        assert purged() == expected, hour


def test_the_products_names_are_kept_in_a_file_by_every_scheduler(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIAN_VAR_DIR", str(tmp_path))
    settings.cache_clear()
    try:
        jobs, leadership = _jobs(database)
        assert not leadership.leading
        with database.begin() as session:
            session.add(
                Product(sku="NS-MG90", name="Máy giặt", name_folded="may giat", price=9_000_000, warranty_months=24)
            )
        jobs.catalogue()
        assert "NS-MG90" in settings().catalogue_file.read_text(encoding="utf-8")
    finally:
        settings.cache_clear()


def test_a_scheduler_that_slept_over_midnight_records_what_was_missed(database: Database, clock_hand: Any) -> None:
    clock_hand.shift(-timedelta(days=1))
    _people(database, 2)
    jobs, _ = _jobs(database)
    jobs.lead()
    jobs.greetings()
    _pass(database, clock_hand, 2 * 86_400)
    jobs.lead()
    for _ in range(2):
        jobs.greetings()
    with database.read() as session:
        lines = session.execute(select(Greeting.state, Greeting.local_date)).all()
        tet = [state for state, day in lines if day == TET_MORNING.date()]
    assert tet == [GreetingState.MISSED] * 2
