import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import clock, complaints, ratings
from crm.complaints import Report
from crm.db import Database
from crm.errors import IllegalTransition, InvalidInput
from crm.models.care import ComplaintState, Survey
from crm.models.messaging import Outbox, OutboxKind
from crm.models.people import AuditEntry
from tests.crm import factories


def test_a_complaint_gets_the_next_code_of_its_year_and_a_promise(session: Session) -> None:
    talk = factories.conversation(session)
    first = complaints.submit(session, talk.customer, talk, Report("máy kêu to"))
    second = complaints.submit(session, talk.customer, talk, Report("giao trễ"))
    year = clock.now().year
    assert (first.code, second.code) == (f"KN-{year}-000001", f"KN-{year}-000002")
    assert first.promised_at > first.created_at
    assert complaints.has_open(session, talk.customer_id)


def test_an_empty_complaint_is_refused(session: Session) -> None:
    talk = factories.conversation(session)
    with pytest.raises(InvalidInput):
        complaints.submit(session, talk.customer, talk, Report("  "))


def test_the_answer_reaches_the_customer_and_a_survey_falls_due(session: Session) -> None:
    talk, staff = factories.conversation(session), factories.agent(session)
    complaint = complaints.submit(session, talk.customer, talk, Report("máy kêu to"))
    complaints.resolve(session, complaint, staff, "Bên em đổi máy mới ngày mai ạ")
    (row,) = session.scalars(select(Outbox)).all()
    assert row.kind is OutboxKind.CARE
    assert complaint.code in row.body["text"]
    assert "đổi máy mới" in row.body["text"]
    assert not complaints.has_open(session, talk.customer_id)
    (survey,) = session.scalars(select(Survey)).all()
    assert ratings.ask_due_surveys(session, survey.due_at) == 1
    assert ratings.ask_due_surveys(session, survey.due_at) == 0
    asked = session.scalars(select(Outbox).order_by(Outbox.id.desc())).first()
    assert asked is not None
    assert len(asked.body["buttons"][0]) == 5


def test_only_legal_changes_of_state_are_made_and_each_is_audited(session: Session) -> None:
    talk, staff = factories.conversation(session), factories.agent(session)
    complaint = complaints.submit(session, talk.customer, talk, Report("máy kêu to"))
    with pytest.raises(IllegalTransition):
        complaints.move(session, complaint, ComplaintState.CLOSED, staff)
    complaints.move(session, complaint, ComplaintState.IN_PROGRESS, staff)
    complaints.resolve(session, complaint, staff, "Xong rồi ạ")
    complaints.move(session, complaint, ComplaintState.CLOSED, staff)
    with pytest.raises(IllegalTransition):
        complaints.resolve(session, complaint, staff, "lại")
    actions = session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
    assert actions == ["complaint_in_progress", "complaint_resolved", "complaint_closed"]


def test_nobody_finds_another_customers_complaint(session: Session) -> None:
    mine, other = factories.conversation(session, 1), factories.conversation(session, 2)
    complaint = complaints.submit(session, mine.customer, mine, Report("máy kêu to"))
    assert complaints.find(session, other.customer_id, complaint.code) is None
    assert complaints.find(session, mine.customer_id, complaint.code) is complaint


def test_codes_stay_unique_and_without_gaps_when_many_complain_at_once(database: Database) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with database.begin() as session:
        talks = [factories.conversation(session, chat).id for chat in range(8)]

    def complain(conversation_id: int) -> list[str]:
        codes = []
        for _ in range(5):
            with database.begin() as session:
                talk = session.get_one(complaints.Conversation, conversation_id)
                codes.append(complaints.submit(session, talk.customer, talk, Report("x")).code)
        return codes

    with ThreadPoolExecutor(8) as pool:
        codes = [code for made in pool.map(complain, talks) for code in made]
    assert sorted(code[-6:] for code in codes) == [f"{n:06d}" for n in range(1, 41)]
