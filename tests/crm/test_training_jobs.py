"""Trainings asked for in the console: one at a time, worked off once, given up when silent."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import clock, training_jobs
from crm.db import Database
from crm.errors import IllegalTransition, PermissionDenied, TrainingUnderWay
from crm.models.staff import Role, Staff
from crm.models.training import TrainingJob, TrainingKind, TrainingState
from tests.crm import factories


def test_one_at_a_time_and_for_leads_alone(session: Session) -> None:
    lead = factories.agent(session, role=Role.LEAD)
    job = training_jobs.ask(session, lead, TrainingKind.TRAIN)
    with pytest.raises(TrainingUnderWay):
        training_jobs.ask(session, lead, TrainingKind.PROMOTE)
    for role in (Role.AGENT, Role.MARKETING):
        with pytest.raises(PermissionDenied):
            training_jobs.ask(session, factories.agent(session, username=role.value, role=role), TrainingKind.TRAIN)
    assert training_jobs.is_asked(session, clock.now())
    assert training_jobs.claim(session) is job
    assert training_jobs.claim(session) is None
    assert training_jobs.say(session, job.id, "nlu: training\n")
    shelf = {"models": [{"model": "trian-1.tar.gz"}], "candidate": None}
    training_jobs.end(session, job.id, done=True, shelf=shelf)
    assert (job.state, job.said) == (TrainingState.DONE, "nlu: training\n")
    assert training_jobs.shelf(session) == shelf
    assert not training_jobs.say(session, job.id, "late")
    with pytest.raises(IllegalTransition):
        training_jobs.end(session, job.id, done=True, shelf=shelf)
    assert training_jobs.ask(session, lead, TrainingKind.ROLL_BACK, "trian-1.tar.gz").id != job.id


def test_whoever_is_silent_is_given_up_and_its_end_refused(session: Session) -> None:
    lead = factories.agent(session, role=Role.LEAD)
    with time_machine.travel(clock.now(), tick=False) as traveller:
        job = training_jobs.ask(session, lead, TrainingKind.TRAIN)
        training_jobs.claim(session)
        traveller.shift(training_jobs.SILENCE)
        assert not training_jobs.any_silent(session, clock.now())
        traveller.shift(timedelta(seconds=1))
        assert training_jobs.any_silent(session, clock.now())
        assert training_jobs.give_up_silent(session, clock.now()) == 1
    assert job.state is TrainingState.LOST
    with pytest.raises(IllegalTransition):
        training_jobs.end(session, job.id, done=True, shelf={})
    assert training_jobs.current(session) is None


def test_of_two_who_ask_at_once_one_is_refused_and_of_two_who_claim_one_gets_it(database: Database) -> None:
    with database.begin() as session:
        lead_id = factories.agent(session, role=Role.LEAD).id
    outcomes: list[str] = []
    start = threading.Barrier(2)

    def ask() -> None:
        start.wait()
        try:
            with database.begin() as session:
                lead = session.get_one(Staff, lead_id)
                training_jobs.ask(session, lead, TrainingKind.TRAIN)
            outcomes.append("asked")
        except TrainingUnderWay:
            outcomes.append("refused")

    _both(ask)
    assert sorted(outcomes) == ["asked", "refused"]
    claimed: list[int] = []

    def claim() -> None:
        start.wait()
        with database.begin() as session:
            job = training_jobs.claim(session)
            if job is not None:
                claimed.append(job.id)

    _both(claim)
    with database.read() as session:
        assert claimed == [job.id for job in session.scalars(select(TrainingJob))]


def _both(work: Callable[[], None]) -> None:
    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
