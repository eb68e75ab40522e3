"""What health hears of the scheduler's jobs, and of a scheduler that stands by."""

import threading
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
import time_machine
from sqlalchemy.orm import Session

from crm import complaints, health, surveys
from crm.db import Database
from crm.settings import settings
from tests.scheduler.test_jobs import TET_MORNING, _jobs, _pass


@pytest.fixture
def clock_hand() -> Iterator[Any]:
    with time_machine.travel(TET_MORNING, tick=False) as traveller:
        yield traveller


def test_health_hears_of_a_job_that_fails_each_time_and_of_one_that_hangs(
    database: Database, clock_hand: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs, _ = _jobs(database)
    jobs.lead()

    def named() -> list[str]:
        jobs.lead()
        jobs.marks()
        with database.read() as session:
            return [problem.what for problem in health.problems(session, settings().bot_id)]

    monkeypatch.setattr(surveys, "ask_due", lambda session, moment: 1 / 0)
    entered, let_go = threading.Event(), threading.Event()

    def hang(session: Session, moment: datetime) -> int:
        entered.set()
        let_go.wait(30)
        return 0

    monkeypatch.setattr(complaints, "close_settled", hang)
    hanging = threading.Thread(target=jobs.cases)
    jobs.surveys()
    if database.engine.dialect.name != "sqlite":  # there whoever hangs within a transaction keeps all others out
        hanging.start()
        assert entered.wait(10)
    jobs.holds()
    assert named() == []
    for _ in range(4):
        _pass(database, clock_hand, 100)
        jobs.surveys()
        jobs.holds()
    found = named()
    let_go.set()
    assert any("job surveys" in what and "ZeroDivisionError" in what for what in found)
    assert not any("job holds" in what for what in found)
    if database.engine.dialect.name != "sqlite":
        hanging.join(10)
        assert any("job cases" in what for what in found)
        jobs.cases()
    monkeypatch.undo()
    jobs.surveys()
    assert named() == []


def test_a_standby_is_missed_when_it_dies_and_not_when_it_stops(database: Database, clock_hand: Any) -> None:
    (leader, _), (_, stands_by) = _jobs(database), _jobs(database)
    leader.lead()
    with database.begin() as session:
        health.forget(session, "scheduler")
        health.beat(session, "scheduler:elsewhere-7", "standing by")
    _pass(database, clock_hand, 40)
    leader.lead()
    with database.read() as session:
        (problem,) = health.problems(session, settings().bot_id)
        assert "scheduler:elsewhere-7" in problem.what
    stands_by.renew()
    stands_by.give_up()
    with database.read() as session:
        assert [sign.process for sign in health.parts(session)] == ["scheduler:elsewhere-7"]
