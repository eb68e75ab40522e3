import pytest
from sqlalchemy.orm import Session

from crm import complaints, consents, customer_card, customers, escalations, figures, ratings, threads
from crm.complaints import Report
from crm.errors import NotFound
from crm.models.conversations import Author, EscalationReason
from crm.models.messaging import OutboxState
from crm.models.people import Purpose
from tests.crm import factories


def test_the_card_says_what_holds_now(session: Session) -> None:
    talk = factories.conversation(session)
    for granted in (True, False):
        consents.record(session, talk.customer_id, Purpose.MARKETING, granted=granted, channel="test")
    complaints.submit(session, talk.customer, talk, Report("Máy kêu to"))
    ratings.rate(session, talk, 4)
    session.flush()
    card = customer_card.card(session, talk.customer_id)
    assert {each.purpose: (each.granted, each.at is not None) for each in card.consents} == {
        Purpose.GREETINGS: (False, False),
        Purpose.MARKETING: (False, True),
    }
    assert [each.description for each in card.open_complaints] == ["Máy kêu to"]
    assert [each.score for each in card.ratings] == [4]
    assert card.conversation_id == talk.id
    with pytest.raises(NotFound):
        customer_card.card(session, 999)


@pytest.mark.parametrize(
    ("words", "found"),
    [("hanh", 1), ("NGUYỄN hạnh", 1), ("hanh nguyen", 1), ("0900 123456", 1), ("%", 0), ("_", 0), ("xuan", 0), ("", 2)],
)
def test_search_folds_accents_and_takes_signs_as_they_are(session: Session, words: str, found: int) -> None:
    customers.set_phone(factories.conversation(session).customer, "0900123456")
    factories.conversation(session, 1002, "Đỗ Văn Tám")
    session.flush()
    assert len(customer_card.search(session, words)) == found


def test_who_does_not_see_numbers_finds_nobody_by_the_beginning_of_one(session: Session) -> None:
    customers.set_phone(factories.conversation(session).customer, "0900123456")
    session.flush()
    for words in ("0900 123", "+84 900 123", "09"):
        assert customer_card.search(session, words) == [], words
        assert len(customer_card.search(session, words, begun_numbers=True)) == 1, words
    assert len(customer_card.search(session, "+84 900 123 456")) == 1


def test_a_thread_tells_who_spoke_and_how_far_it_got(session: Session) -> None:
    talk, lan = factories.conversation(session), factories.agent(session)
    call = escalations.open_for(session, talk, EscalationReason.ASKED)
    escalations.reply(session, call.id, lan, "Dạ em nghe ạ", photo="attachments/1/a.png")
    session.flush()
    [line] = threads.latest(session, talk.id)
    assert (line.author, line.staff_name, line.text) == (Author.STAFF, "Lan", "Dạ em nghe ạ")
    assert (line.delivery, line.photos) == (OutboxState.QUEUED, ("1/a.png",))


def test_figures_count_what_waits_and_what_was_rated(session: Session) -> None:
    talk = factories.conversation(session)
    assert figures.now(session).average is None
    complaint = complaints.submit(session, talk.customer, talk, Report("Máy kêu to"))
    complaint.due_at = complaint.created_at.replace(year=2025)
    for score in (5, 4, 4):
        ratings.rate(session, talk, score)
    escalations.open_for(session, talk, EscalationReason.ASKED)
    session.flush()
    now = figures.now(session)
    assert (now.waiting, now.open_complaints, now.overdue, now.scores) == (1, 1, 1, {5: 1, 4: 2})
    assert now.average == pytest.approx(13 / 3)
