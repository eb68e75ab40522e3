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


def test_a_corrected_score_is_one_rating_and_calls_a_person_when_it_falls(session: Session) -> None:
    talk = factories.conversation(session)
    rating = ratings.rate(session, talk, 5)
    ratings.explain(session, rating.id, talk.customer_id, "nhanh")
    assert ratings.given(session, talk.customer_id, None, rating.id) is rating
    ratings.amend(session, talk, rating, 2)
    call = escalations.current(session, talk.id)
    assert call is not None
    assert call.note == "2/5"
    ratings.amend(session, talk, rating, 4)
    assert (rating.score, rating.reason, call.note) == (4, "nhanh", "2/5 -> 4/5")


def test_only_ones_own_rating_is_corrected_and_within_the_scale(session: Session) -> None:
    mine, other = factories.conversation(session, 1), factories.conversation(session, 2)
    rating = ratings.rate(session, mine, 4)
    assert ratings.given(session, other.customer_id, None, rating.id) is None
    for talk, score in ((other, 3), (mine, 0), (mine, 6)):
        with pytest.raises(InvalidInput):
            ratings.amend(session, talk, rating, score)
    assert rating.score == 4
