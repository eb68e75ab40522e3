"""Clocks of cases and calls: what starts, holds and stops them, who is told when they run out, and each of it once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crm import case_work, clock, complaints, escalations, inbound, promise_watch, service_clocks, service_levels, turns
from crm.customers import Caller
from crm.db import Database
from crm.errors import SettingsProblem
from crm.inbound import Arrival
from crm.models.care import Complaint, ComplaintState, Severity
from crm.models.conversations import Conversation, EscalationReason
from crm.models.messaging import Inbound
from crm.models.people import Tier
from crm.models.service import ClockKind, NoticeKind, Promise, PromiseState, ServiceClock
from crm.service_clocks import ClockView
from crm.service_targets import levels, load
from crm.settings import settings
from crm.turns import Said
from tests.crm import factories
from tests.crm.service_steps import MONDAY, call, case, told, watch

FIRST, NEXT, SOLVED = ClockKind.FIRST_RESPONSE, ClockKind.NEXT_RESPONSE, ClockKind.RESOLUTION
H = timedelta(hours=1)


@pytest.fixture
def hand() -> Iterator[Any]:
    with time_machine.travel(MONDAY, tick=False) as traveller:
        yield traveller


def _clocks(session: Session, complaint: Complaint) -> dict[ClockKind, ClockView]:
    return {view.kind: view for view in service_levels.clocks_of(session, complaint.id)}


@pytest.mark.parametrize(
    ("severity", "tier", "hours"),
    [
        (Severity.HIGH, Tier.NONE, 4),
        (Severity.NORMAL, Tier.NONE, 13),
        (Severity.LOW, Tier.NONE, 26),
        (Severity.HIGH, Tier.PLATINUM, 2),
        (Severity.NORMAL, Tier.GOLD, 9.75),
    ],
)
def test_severity_and_tier_say_how_long_it_may_take(
    session: Session, hand: Any, severity: Severity, tier: Tier, hours: float
) -> None:
    complaint = case(session, severity, tier)
    first = _clocks(session, complaint)[FIRST]
    assert first.left == timedelta(hours=hours)
    assert complaint.promised_at == complaint.due_at == first.due_at
    assert _clocks(session, complaint)[SOLVED].due_at > first.due_at


def test_an_answer_stops_the_first_response_and_the_resolution_runs_on(session: Session, hand: Any) -> None:
    complaint, lan = case(session, Severity.HIGH), factories.agent(session)
    hand.shift(3 * H)
    service_levels.case_answered(session, complaint, lan)
    clocks = _clocks(session, complaint)
    assert clocks[FIRST].met is True
    assert clocks[FIRST].left == H
    assert clocks[SOLVED].met is None
    assert complaint.due_at == clocks[SOLVED].due_at


def test_an_answer_that_comes_late_is_a_breach(session: Session, hand: Any) -> None:
    complaint, lan = case(session, Severity.HIGH), factories.agent(session)
    hand.shift(5 * H)
    service_levels.case_answered(session, complaint, lan)
    first = _clocks(session, complaint)[FIRST]
    assert first.met is False
    assert first.late
    assert first.left == -H


def test_while_the_customer_is_asked_every_clock_stands_still_and_goes_on_with_what_was_left(
    session: Session, hand: Any
) -> None:
    complaint, lan = case(session, Severity.HIGH), factories.agent(session)
    hand.shift(2 * H)
    complaints.move(session, complaint, ComplaintState.WAITING, lan, "Máy mua ngày nào ạ?")
    hand.shift(timedelta(days=3))
    watch(session)
    held = _clocks(session, complaint)[SOLVED]
    assert held.paused
    assert held.left == 11 * H
    assert complaint.due_at is None
    assert told(session) == []
    complaints.customer_wrote(session, complaint.customer_id)
    clocks = _clocks(session, complaint)
    assert not clocks[SOLVED].paused
    assert clocks[SOLVED].left == 11 * H
    assert clocks[NEXT].left == 2 * H  # the customer waits for an answer to what they said
    assert complaint.due_at == clocks[NEXT].due_at


def test_who_was_late_before_the_pause_is_late_after_it(session: Session, hand: Any) -> None:
    complaint, lan = case(session, Severity.HIGH), factories.agent(session)
    hand.shift(timedelta(days=2))
    service_levels.case_moved(session, complaint, ComplaintState.NEW, ComplaintState.WAITING, lan)
    hand.shift(timedelta(days=1))
    service_levels.case_moved(session, complaint, ComplaintState.WAITING, ComplaintState.IN_PROGRESS, lan)
    first = _clocks(session, complaint)[FIRST]
    assert first.met is False
    assert first.due_at == MONDAY + 4 * H
    assert NEXT not in _clocks(session, complaint)  # a colleague went on: the customer has said nothing


def test_a_resolution_stops_all_and_a_reopening_starts_anew_with_a_new_promise(session: Session, hand: Any) -> None:
    complaint, lan = case(session), factories.agent(session)
    hand.shift(H)
    complaints.resolve(session, complaint, lan, "Đã đổi máy ạ")
    assert {view.met for view in service_levels.clocks_of(session, complaint.id)} == {True}
    assert complaint.due_at is None
    hand.shift(H)
    assert complaints.reopen_for_customer(session, complaint, "máy lại hỏng")
    alive = service_levels.clocks_of_cases(session, [complaint.id])[complaint.id]
    assert [(view.kind, view.left) for view in alive] == [(NEXT, 6.5 * H), (SOLVED, 39 * H)]
    assert complaint.promised_at == complaint.due_at == alive[0].due_at


def test_a_case_that_is_merged_away_gets_no_verdict(session: Session, hand: Any) -> None:
    complaint = case(session)
    service_levels.case_moved(session, complaint, ComplaintState.NEW, ComplaintState.CLOSED)
    assert {view.met for view in service_levels.clocks_of(session, complaint.id)} == {None}
    assert complaint.due_at is None


def test_a_graver_case_is_due_sooner_and_the_time_that_was_used_stays_used(session: Session, hand: Any) -> None:
    complaint, lan = case(session), factories.agent(session)
    hand.shift(3 * H)
    case_work.set_severity(session, complaint, Severity.HIGH, lan, "khách bị bỏng")
    first = _clocks(session, complaint)[FIRST]
    assert first.left == H
    assert complaint.promised_at == first.due_at == MONDAY + 4 * H
    case_work.set_severity(session, complaint, Severity.LOW, lan, "bấm nhầm")
    first = _clocks(session, complaint)[FIRST]
    assert first.left == 23 * H
    assert complaint.promised_at == MONDAY + 4 * H  # the customer is never promised less


def test_a_case_made_so_grave_that_its_time_is_used_up_is_due_at_once(session: Session, hand: Any) -> None:
    complaint, lan = case(session, Severity.LOW), factories.agent(session)
    hand.shift(timedelta(days=1))
    case_work.set_severity(session, complaint, Severity.HIGH, lan, "rò điện")
    assert _clocks(session, complaint)[FIRST].due_at == clock.now()


def test_a_slip_of_the_severity_breaks_no_promise_whose_time_is_still_to_come(session: Session, hand: Any) -> None:
    complaint, lan = case(session), factories.agent(session)
    told = complaint.promised_at
    hand.shift(5 * H)
    case_work.set_severity(session, complaint, Severity.HIGH, lan, "bấm nhầm")
    assert (complaint.due_at, complaint.promised_at) == (clock.now(), told)
    assert session.scalar(select(Promise.due_at)) == told
    hand.shift(timedelta(minutes=5))
    promise_watch.look_after(session, clock.now())
    assert session.scalar(select(Promise.state)) is PromiseState.OPEN


def test_a_call_is_answered_then_waits_for_the_next_answer_only_after_the_customer_wrote(
    session: Session, hand: Any
) -> None:
    waiting, lan = call(session), factories.agent(session)
    assert waiting.due_at == MONDAY + timedelta(minutes=15)
    service_levels.customer_wrote(session, waiting.conversation)  # still the first answer that they wait for
    assert [view.kind for view in service_levels.clocks_of_calls(session, [waiting.id])[waiting.id]] == [FIRST]
    escalations.reply(session, waiting.id, lan, "Dạ em nghe ạ")
    assert waiting.due_at is None
    assert service_levels.clocks_of_calls(session, [waiting.id]) == {}
    for _ in range(2):
        service_levels.customer_wrote(session, waiting.conversation)
    assert [view.kind for view in service_levels.clocks_of_calls(session, [waiting.id])[waiting.id]] == [NEXT]
    assert waiting.due_at == MONDAY + timedelta(minutes=10)
    escalations.hand_back(session, waiting.id, lan)
    assert waiting.due_at is None


def test_the_customers_message_reaches_the_clocks_of_call_and_case(session: Session, hand: Any) -> None:
    complaint, lan = case(session), factories.agent(session)
    complaints.move(session, complaint, ComplaintState.WAITING, lan, "Mua ngày nào ạ?")
    talk = session.get_one(Conversation, complaint.conversation_id)
    waiting = escalations.open_for(session, talk, EscalationReason.ASKED)
    escalations.reply(session, waiting.id, lan, "Dạ")
    hand.shift(timedelta(minutes=1))
    inbound.store(session, settings().bot_id, [Arrival(1, 1001, {})])
    arrived = session.scalars(select(Inbound)).one()
    turns.begin(session, arrived.id, "t1", Caller(settings().bot_id, 1001, "Hạnh"), Said("mua hôm qua"))
    assert complaint.state is ComplaintState.IN_PROGRESS
    assert not _clocks(session, complaint)[SOLVED].paused
    assert waiting.due_at == clock.now() + timedelta(minutes=10)


def test_an_answer_in_the_conversation_answers_the_cases_of_who_writes_it_only(session: Session, hand: Any) -> None:
    complaint, lan, mai = case(session), factories.agent(session), factories.agent(session, "mai")
    complaint.owner_id = mai.id
    talk = session.get_one(Conversation, complaint.conversation_id)
    waiting = escalations.open_for(session, talk, EscalationReason.ASKED)
    escalations.reply(session, waiting.id, lan, "Dạ")
    assert _clocks(session, complaint)[FIRST].met is None
    complaint.owner_id = lan.id
    escalations.reply(session, waiting.id, lan, "Dạ máy của chị mai có thợ tới ạ")
    assert _clocks(session, complaint)[FIRST].met is True


def test_two_who_start_the_same_clock_start_one(database: Database) -> None:
    with database.begin() as session:
        waiting = call(session)
        lan = factories.agent(session)
        escalations.reply(session, waiting.id, lan, "Dạ")
        number = waiting.conversation_id

    def wrote() -> None:
        with database.begin() as session:
            service_levels.customer_wrote(session, session.get_one(Conversation, number))

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(wrote) for _ in range(4)]:
            done.result()
    with database.read() as session:
        running = select(func.count()).select_from(ServiceClock).where(ServiceClock.stopped_at.is_(None))
        assert session.scalar(running) == 1


def test_lists_go_by_the_nearest_time_that_runs(session: Session, hand: Any) -> None:
    complaint, waiting = case(session), call(session, 1002)
    nearest = select(func.min(ServiceClock.due_at))
    assert complaint.due_at == session.scalar(nearest.where(ServiceClock.complaint_id == complaint.id))
    assert waiting.due_at == session.scalar(nearest.where(ServiceClock.escalation_id == waiting.id))
    service_clocks.pause(session, waiting, clock.now())
    assert waiting.due_at is None


def test_each_kind_of_notice_has_its_sentence_for_telegram() -> None:
    from crm.templates import _texts

    missing = {kind.value for kind in NoticeKind} | {f"clock.{kind.value}" for kind in ClockKind}
    assert missing <= set(_texts("staff"))


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("first: 4h,", "first: 4,", "write working time like"),
        ("platinum: 50", "platinum: 0", "per cent from 1 to 100"),
        ("platinum: 50", "diamond: 50", "must have exactly"),
        ("calls: {first: 15m, next: 10m}", "calls: {first: 15m}", "must have exactly first, next"),
        ("warn_left: 25", "warn_left: lots", "per cent"),
    ],
)
def test_what_is_wrong_in_the_levels_is_said_in_a_sentence(tmp_path: Path, before: str, after: str, said: str) -> None:
    text = (settings().data_dir / "shop.yml").read_text(encoding="utf-8")
    assert before in text
    file = tmp_path / "shop.yml"
    file.write_text(text.replace(before, after, 1), encoding="utf-8")
    with pytest.raises(SettingsProblem, match=said):
        load(file)


def test_the_shops_first_answer_is_what_its_article_promises() -> None:
    """data/knowledge/cua-hang/khieu-nai.md: four working hours, one working day, two."""
    firsts = {severity: times[FIRST] for severity, times in levels().complaints.items()}
    assert firsts == {Severity.HIGH: 4 * H, Severity.NORMAL: 13 * H, Severity.LOW: 26 * H}
