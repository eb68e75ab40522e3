from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import clock, complaints, service_levels, surveys
from crm.complaints import Report
from crm.db import Database
from crm.errors import IllegalTransition, InvalidInput
from crm.models.care import Complaint, ComplaintState, EventKind, Survey
from crm.models.conversations import Conversation
from crm.models.messaging import Outbox, OutboxKind
from crm.models.people import AuditEntry
from crm.models.service import NoticeKind, StaffNotice
from crm.models.staff import Staff
from crm.settings import settings
from tests.crm import factories


def _case(session: Session, said: str = "máy kêu to") -> tuple[Conversation, Staff, Complaint]:
    talk, staff = factories.conversation(session), factories.agent(session)
    return talk, staff, complaints.submit(session, talk.customer, talk, Report(said))


def _sent(session: Session) -> list[str]:
    return [row.body["text"] for row in session.scalars(select(Outbox).order_by(Outbox.id))]


def _days(number: int) -> timedelta:
    return timedelta(days=number, seconds=1)


def test_a_complaint_gets_the_next_code_of_its_year_and_a_promise(session: Session) -> None:
    talk = factories.conversation(session)
    first = complaints.submit(session, talk.customer, talk, Report("máy kêu to"))
    second = complaints.submit(session, talk.customer, talk, Report("giao trễ"))
    year = clock.now().year
    assert (first.code, second.code) == (f"KN-{year}-000001", f"KN-{year}-000002")
    assert first.promised_at > first.created_at
    assert first.due_at is not None
    assert complaints.has_open(session, talk.customer_id)


def test_an_empty_complaint_is_refused(session: Session) -> None:
    talk = factories.conversation(session)
    with pytest.raises(InvalidInput):
        complaints.submit(session, talk.customer, talk, Report("  "))


def test_the_whole_life_of_a_case_and_what_the_customer_hears_of_it(session: Session) -> None:
    talk, lan, case = _case(session)
    complaints.move(session, case, ComplaintState.ACKNOWLEDGED, lan)
    assert case.owner_id == lan.id
    complaints.move(session, case, ComplaintState.IN_PROGRESS, lan)
    complaints.move(session, case, ComplaintState.WAITING, lan, "Máy kêu lúc vắt hay lúc giặt ạ?")
    assert case.due_at is None
    assert complaints.customer_wrote(session, talk.customer_id) == 1
    assert complaints.customer_wrote(session, talk.customer_id) == 0
    assert case.state is ComplaintState.IN_PROGRESS
    assert case.due_at is not None
    (notice,) = session.scalars(select(StaffNotice)).all()
    assert (notice.staff_id, notice.kind) == (lan.id, NoticeKind.CASE_ANSWERED)
    complaints.resolve(session, case, lan, "Bên em đổi máy mới ngày mai ạ")
    assert not complaints.has_open(session, talk.customer_id)
    complaints.move(session, case, ComplaintState.CLOSED, lan)
    assert case.closed_at is not None
    acknowledged, question, answer = _sent(session)
    assert "đã đọc khiếu nại" in acknowledged
    assert "lúc vắt hay lúc giặt" in question
    assert "đổi máy mới" in answer
    assert all(case.code in said for said in (acknowledged, question, answer))
    assert complaints.question_of(session, case).startswith("Máy kêu lúc vắt")
    assert [event.to_state.value for event in case.events] == [
        "new",
        "acknowledged",
        "in_progress",
        "waiting_customer",
        "in_progress",
        "resolved",
        "closed",
    ]


def test_the_customer_hears_of_the_taking_on_once_however_it_happens(session: Session) -> None:
    _, lan, case = _case(session)
    complaints.move(session, case, ComplaintState.IN_PROGRESS, lan)
    assert len(_sent(session)) == 1
    assert "đã đọc khiếu nại" in _sent(session)[0]
    complaints.resolve(session, case, lan, "Xong rồi ạ")
    complaints.move(session, case, ComplaintState.IN_PROGRESS, lan)
    assert "mở lại khiếu nại" in _sent(session)[-1]
    complaints.resolve(session, case, lan, "Lần này xong hẳn ạ")
    assert len(_sent(session)) == 4
    assert "xong hẳn" in _sent(session)[-1]


def test_a_case_answered_at_once_is_not_announced_first(session: Session) -> None:
    _, lan, case = _case(session)
    complaints.resolve(session, case, lan, "Bên em đổi máy mới ngày mai ạ")
    (row,) = session.scalars(select(Outbox)).all()
    assert row.kind is OutboxKind.CARE
    assert row.body["buttons"][0][0]["title"] == "Chưa ổn, xem lại giúp"


def test_only_legal_changes_of_state_are_made_and_each_is_audited(session: Session) -> None:
    _, lan, case = _case(session)
    with pytest.raises(IllegalTransition):
        complaints.move(session, case, ComplaintState.CLOSED, lan)
    for to in (ComplaintState.RESOLVED, ComplaintState.WAITING):
        with pytest.raises(InvalidInput):
            complaints.move(session, case, to, lan, "  ")
    complaints.move(session, case, ComplaintState.IN_PROGRESS, lan)
    with pytest.raises(IllegalTransition):
        complaints.move(session, case, ComplaintState.ACKNOWLEDGED, lan)
    complaints.resolve(session, case, lan, "Xong rồi ạ")
    complaints.move(session, case, ComplaintState.CLOSED, lan)
    with pytest.raises(IllegalTransition):
        complaints.resolve(session, case, lan, "lại")
    actions = session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
    assert actions == ["complaint_in_progress", "complaint_resolved", "complaint_closed"]


def test_a_settled_case_is_taken_up_again_within_days_and_not_later(session: Session) -> None:
    _, lan, case = _case(session)
    assert not complaints.reopen_for_customer(session, case, "chưa xong")
    complaints.resolve(session, case, lan, "Xong rồi ạ")
    before = len(_sent(session))
    assert complaints.reopen_for_customer(session, case, "máy vẫn kêu")
    assert case.state.value == "in_progress"
    assert case.resolved_at is None
    assert case.events[-1].note == "máy vẫn kêu"
    assert len(_sent(session)) == before  # who said it is answered where they said it
    complaints.resolve(session, case, lan, "Xong hẳn rồi ạ")
    with time_machine.travel(clock.now() + _days(settings().complaint_reopen_days), tick=False):
        assert not complaints.reopen_for_customer(session, case, "lại kêu")
        with pytest.raises(IllegalTransition):
            complaints.move(session, case, ComplaintState.IN_PROGRESS, lan)
        assert complaints.close_settled(session, clock.now()) == 1
        assert complaints.close_settled(session, clock.now()) == 0
    assert case.state is ComplaintState.CLOSED
    assert case.events[-1].staff_id is None


def test_the_clocks_follow_the_case(session: Session) -> None:
    talk, lan, case = _case(session)
    complaints.move(session, case, ComplaintState.WAITING, lan, "Máy kêu lúc nào ạ?")
    assert all(view.paused or view.met is not None for view in service_levels.clocks_of(session, case.id))
    complaints.customer_wrote(session, talk.customer_id)
    assert any(not view.paused and view.met is None for view in service_levels.clocks_of(session, case.id))
    complaints.resolve(session, case, lan, "Xong rồi ạ")
    assert case.due_at is None
    assert all(view.met is not None for view in service_levels.clocks_of(session, case.id))


def test_a_survey_falls_due_with_the_agent_and_tier_of_the_time(session: Session) -> None:
    _, lan, case = _case(session)
    complaints.resolve(session, case, lan, "Bên em đổi máy mới ngày mai ạ")
    (survey,) = session.scalars(select(Survey)).all()
    assert (survey.staff_id, survey.tier) == (lan.id, case.customer.tier)
    assert surveys.ask_due(session, survey.due_at) == 1
    assert surveys.ask_due(session, survey.due_at) == 0
    asked = session.scalars(select(Outbox).order_by(Outbox.id.desc())).first()
    assert asked is not None
    assert len(asked.body["buttons"][0]) == 5
    assert surveys.awaited(session, case.customer_id, clock.now()) == case.id


def test_a_case_taken_up_again_is_not_asked_about_before_it_is_settled(session: Session) -> None:
    _, lan, case = _case(session)
    complaints.resolve(session, case, lan, "Xong rồi ạ")
    complaints.reopen_for_customer(session, case, "chưa xong")
    assert surveys.ask_due(session, clock.now() + _days(1)) == 0
    complaints.resolve(session, case, lan, "Xong hẳn ạ")
    assert surveys.ask_due(session, clock.now() + _days(1)) == 1


def test_nobody_is_asked_more_often_than_the_setting_allows(session: Session) -> None:
    talk, lan, first = _case(session)
    others = [complaints.submit(session, talk.customer, talk, Report(f"chuyện {n}")) for n in range(2)]
    for case in (first, *others):
        complaints.resolve(session, case, lan, "Xong rồi ạ")
    later = clock.now() + _days(1)
    assert surveys.ask_due(session, later) == 3
    asked = [survey.asked_at is not None for survey in session.scalars(select(Survey).order_by(Survey.id))]
    assert asked == [True, False, False]
    fourth = complaints.submit(session, talk.customer, talk, Report("chuyện nữa"))
    with time_machine.travel(clock.now() + _days(settings().survey_gap_days + 2), tick=False):
        complaints.resolve(session, fourth, lan, "Xong rồi ạ")
        assert surveys.ask_due(session, clock.now() + _days(1)) == 1
    assert surveys.awaited(session, talk.customer_id, clock.now() + _days(settings().survey_gap_days + 2)) == fourth.id


def test_nobody_finds_another_customers_complaint(session: Session) -> None:
    mine, other = factories.conversation(session, 1), factories.conversation(session, 2)
    complaint = complaints.submit(session, mine.customer, mine, Report("máy kêu to"))
    assert complaints.find(session, other.customer_id, complaint.code) is None
    assert complaints.find(session, mine.customer_id, complaint.code) is complaint


def test_of_two_who_answer_at_once_one_is_refused_and_the_customer_hears_one_answer(database: Database) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with database.begin() as session:
        _, lan, case = _case(session)
        number, staff_id = case.id, lan.id

    def answer(words: str) -> bool:
        with database.begin() as session:
            mine = complaints.get(session, number)
            try:
                complaints.resolve(session, mine, session.get_one(Staff, staff_id), words)
            except IllegalTransition:
                return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(answer, ("Xong rồi ạ", "Shop đổi máy ạ"))) == [False, True]
    with database.read() as session:
        assert len(_sent(session)) == 1
        resolved = [event for event in complaints.get(session, number).events if event.kind is EventKind.STATE]
        assert [event.to_state for event in resolved] == [ComplaintState.NEW, ComplaintState.RESOLVED]


def test_codes_stay_unique_and_without_gaps_when_many_complain_at_once(database: Database) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with database.begin() as session:
        talks = [factories.conversation(session, chat).id for chat in range(8)]

    def complain(conversation_id: int) -> list[str]:
        codes = []
        for _ in range(5):
            with database.begin() as session:
                talk = session.get_one(Conversation, conversation_id)
                codes.append(complaints.submit(session, talk.customer, talk, Report("x")).code)
        return codes

    with ThreadPoolExecutor(8) as pool:
        codes = [code for made in pool.map(complain, talks) for code in made]
    assert sorted(code[-6:] for code in codes) == [f"{n:06d}" for n in range(1, 41)]
