import pytest
from sqlalchemy.orm import Session

from crm import complaints, escalations, ratings
from crm.complaints import Report
from crm.errors import InvalidInput
from crm.models.conversations import EscalationReason, Mode
from tests.crm import factories


@pytest.mark.parametrize(("score", "called"), [(1, True), (2, True), (3, False), (5, False)])
def test_a_low_score_calls_a_person_without_silencing_the_assistant(session: Session, score: int, called: bool) -> None:
    talk = factories.conversation(session)
    rating = ratings.rate(session, talk, score)
    call = escalations.current(session, talk.id)
    assert (call is not None) == called
    assert talk.mode is Mode.ASSISTANT
    ratings.explain(session, rating.id, talk.customer_id, "chờ lâu quá")
    assert rating.reason == "chờ lâu quá"
    if call is not None:
        assert call.reason is EscalationReason.LOW_RATING
        assert "chờ lâu quá" in call.note


def test_a_score_out_of_range_or_for_anothers_complaint_is_refused(session: Session) -> None:
    mine, other = factories.conversation(session, 1), factories.conversation(session, 2)
    complaint = complaints.submit(session, other.customer, other, Report("x"))
    for score, complaint_id in ((0, None), (6, None), (5, complaint.id), (5, 10_000)):
        with pytest.raises(InvalidInput):
            ratings.rate(session, mine, score, complaint_id)


def test_nobody_explains_anothers_rating(session: Session) -> None:
    mine, other = factories.conversation(session, 1), factories.conversation(session, 2)
    rating = ratings.rate(session, mine, 4)
    with pytest.raises(InvalidInput):
        ratings.explain(session, rating.id, other.customer_id, "x")
