"""Who is told when a clock runs out: the holder, the lead, the manager, each once."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import clock, service_levels, service_watch
from crm.db import Database
from crm.models.care import Severity
from crm.models.service import ClockKind, ServiceClock, StaffNotice
from crm.models.staff import Role
from scheduler.jobs import Jobs
from scheduler.leadership import Leadership
from tests.crm import factories
from tests.crm.service_steps import MONDAY, call, case, told, watch

H = timedelta(hours=1)


@pytest.fixture
def hand() -> Iterator[Any]:
    with time_machine.travel(MONDAY, tick=False) as traveller:
        yield traveller


def test_the_holder_is_warned_the_lead_hears_of_the_breach_and_then_the_manager(session: Session, hand: Any) -> None:
    complaint, lan = case(session, Severity.HIGH), factories.agent(session)
    factories.agent(session, "mai")
    for name, role in (("truong", Role.LEAD), ("chu", Role.OWNER), ("quan", Role.MARKETING)):
        factories.agent(session, name, role)
    complaint.owner_id = lan.id
    steps = []
    for minutes in (179, 1, 59, 2, 118, 2):  # warning at 3 h, breach at 4 h, managers at 6 h
        hand.shift(timedelta(minutes=minutes))
        before = len(told(session))
        for _ in range(3):
            watch(session)
        steps.append(told(session)[before:])
    assert steps == [
        [],
        [("lan", "clock_warning")],
        [],
        [("lan", "clock_breach"), ("truong", "clock_breach")],
        [],
        [("chu", "clock_manager")],
    ]
    assert {
        view.met for view in service_levels.clocks_of(session, complaint.id) if view.kind is ClockKind.FIRST_RESPONSE
    } == {False}
    hand.shift(timedelta(minutes=1))
    service_levels.case_answered(session, complaint, lan)
    assert {
        view.met for view in service_levels.clocks_of(session, complaint.id) if view.kind is ClockKind.FIRST_RESPONSE
    } == {False}


def test_after_a_long_silence_of_the_scheduler_nobody_is_warned_of_what_is_over(session: Session, hand: Any) -> None:
    case(session, Severity.HIGH)
    factories.agent(session, "truong", Role.LEAD)
    factories.agent(session, "chu", Role.OWNER)
    hand.shift(7 * H)
    watch(session)
    assert told(session) == [("truong", "clock_breach"), ("chu", "clock_manager")]


def test_a_shop_without_leads_warns_its_managers(session: Session, hand: Any) -> None:
    call(session)
    factories.agent(session, "chu", Role.OWNER)
    hand.shift(timedelta(minutes=12))
    watch(session)
    assert told(session) == [("chu", "clock_warning")]
    notice = session.scalars(select(StaffNotice)).one()
    assert notice.words["name"] == "Nguyễn Thị Hạnh"
    assert notice.target.startswith("/conversations/")


def test_two_schedulers_and_a_restart_tell_everybody_once(database: Database, hand: Any) -> None:
    with database.begin() as session:
        factories.agent(session, "truong", Role.LEAD)
        for number in range(1, 8):
            call(session, number)
    hand.shift(timedelta(hours=4))
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(_watch_alone, database) for _ in range(4)]:
            done.result()
    leadership = Leadership(database)
    jobs = Jobs(database, leadership, threading.Event())
    jobs.lead()
    jobs.service()
    with database.read() as session:
        said = told(session)
    assert said == [("truong", "clock_breach")] * 7


def _watch_alone(database: Database) -> None:
    with database.begin() as session:
        service_watch.notice_due(session, clock.now())


def test_a_clock_whose_call_is_gone_ends_without_a_word(session: Session, hand: Any) -> None:
    waiting = call(session)
    factories.agent(session, "truong", Role.LEAD)
    waiting.state = type(waiting.state)("closed")
    hand.shift(timedelta(minutes=20))
    watch(session)
    assert told(session) == []
    assert session.scalars(select(ServiceClock)).one().stopped_at is not None
