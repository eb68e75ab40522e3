import pytest
from sqlalchemy import func, select

from actions.aside import ActionAnswerAside
from actions.fallback import ActionFallback
from actions.rating import ActionRateService, ActionThankRating, ValidateRatingForm
from actions.yes_no import ActionAffirm, ActionOutOfScope
from crm import clock
from crm.models.care import Complaint, ComplaintCategory, ComplaintState, Rating, Severity, Survey
from crm.models.conversations import EscalationReason
from tests.actions.conftest import Talk


async def test_stored_at_once_and_once_then_the_reason(talk: Talk, known: int) -> None:
    talk.say("/rate_service", "rate_service", score="4")
    await talk.run(ActionRateService())
    assert talk.followup == "rating_form"
    await talk.run(ActionRateService())
    [rating] = _new(talk, known)
    assert (rating.score, rating.reason) == (4, "")
    talk.slots["requested_slot"] = "rating_reason"
    talk.loop = "rating_form"
    talk.say("giao hàng hơi chậm", "delivery")
    await talk.run(ValidateRatingForm())
    assert talk.slots["requested_slot"] is None
    assert await talk.responses(ActionThankRating()) == ["utter_rating_thanks"]
    assert _new(talk, known)[0].reason == "giao hàng hơi chậm"


async def test_a_low_score_says_sorry_and_calls_a_person(talk: Talk) -> None:
    _ask_survey(talk)
    talk.say("quá tệ", "rate_service")
    assert await talk.responses(ActionRateService()) == ["utter_rating_low"]
    assert [call.reason for call in talk.calls()] == [EscalationReason.LOW_RATING]


@pytest.mark.parametrize(
    ("said", "intent", "response"),
    [
        ("dở ẹc", "rate_service", "utter_angry_listen"),
        ("quá tệ", "rate_service", "utter_angry_listen"),
        ("do qua troi", "nlu_fallback", "utter_angry_listen"),
        ("chán", "out_of_scope", "utter_angry_listen"),
        ("hài lòng lắm", "rate_service", "utter_compliment"),
    ],
)
async def test_blame_and_praise_that_were_not_asked_for_are_no_rating(
    talk: Talk, known: int, said: str, intent: str, response: str
) -> None:
    talk.say(said, intent)
    action = {"rate_service": ActionRateService(), "out_of_scope": ActionOutOfScope()}.get(intent, ActionFallback())
    assert await talk.responses(action) == [response]
    assert talk.followup in (None, "action_listen")
    assert _new(talk, known) == []


async def test_whoever_wants_to_rate_in_words_is_asked_for_the_number(talk: Talk, known: int) -> None:
    talk.say("mình đánh giá shop dở ẹc", "rate_service")
    assert await talk.responses(ActionRateService()) == []
    assert talk.followup == "rating_form"
    assert _new(talk, known) == []


async def test_blame_in_the_middle_of_a_complaint_is_no_rating_and_does_not_end_it(talk: Talk, known: int) -> None:
    talk.slots |= {"complaint_description": "x", "requested_slot": "complaint_subject"}
    talk.loop = "complaint_form"
    talk.say("dở ẹc", "rate_service")
    assert await talk.responses(ActionAnswerAside()) == ["utter_angry_nearly_done"]
    assert talk.followup is None
    assert _new(talk, known) == []


async def test_a_bare_word_after_the_survey_is_its_answer_and_else_it_is_not(talk: Talk, known: int) -> None:
    talk.say("tạm được", "affirm")
    assert await talk.responses(ActionAffirm()) == ["utter_affirm"]
    complaint_id = _ask_survey(talk)
    talk.say("tạm được", "affirm")
    assert await talk.responses(ActionAffirm()) == []
    assert talk.followup == "action_rate_service"
    await talk.run(ActionRateService())
    [rating] = _new(talk, known)
    assert (rating.score, rating.complaint_id) == (3, complaint_id)


async def test_no_reason_is_fine(talk: Talk) -> None:
    talk.say("5 sao", "rate_service")
    await talk.run(ActionRateService())
    talk.slots["requested_slot"] = "rating_reason"
    talk.loop = "rating_form"
    talk.say("/deny", "deny")
    await talk.run(ValidateRatingForm())
    assert talk.slots["rating_reason"] == ""
    assert await talk.responses(ActionThankRating()) == ["utter_rating_thanks"]


@pytest.mark.parametrize(
    "said", ["nhân viên nói chuyện cộc lốc với cô", "tôi gặp nhân viên mà họ lơ luôn", "quản lý quát khách"]
)
async def test_a_reason_that_speaks_of_staff_is_kept_and_a_person_asked_for_is_called(
    talk: Talk, known: int, said: str
) -> None:
    talk.say("/rate_service", "rate_service", score="1")
    await talk.run(ActionRateService())
    talk.slots["requested_slot"] = "rating_reason"
    talk.loop = "rating_form"
    talk.say("cho cô gặp nhân viên", "talk_to_human")
    await talk.run(ValidateRatingForm())
    assert talk.events == []
    talk.say(said, "talk_to_human")
    await talk.run(ValidateRatingForm())
    await talk.run(ActionThankRating())
    assert [rating.reason for rating in _new(talk, known)] == [said]


async def test_pressed_again_the_rating_is_corrected(talk: Talk, known: int) -> None:
    complaint_id = str(_ask_survey(talk))
    talk.say("/rate_service", "rate_service", score="2", complaint_id=complaint_id)
    await talk.run(ActionRateService())
    talk.slots["requested_slot"] = "rating_reason"
    for score in ("2", "5"):
        talk.loop = "rating_form"
        talk.say("/rate_service", "rate_service", score=score, complaint_id=complaint_id)
        await talk.run(ValidateRatingForm())
        assert talk.slots["requested_slot"] == "rating_reason"
    await talk.run(ActionThankRating())
    talk.loop = None
    talk.say("/rate_service", "rate_service", score="4", complaint_id=complaint_id)
    await talk.run(ActionRateService())
    assert [rating.score for rating in _new(talk, known)] == [4]


async def test_of_the_service_as_a_whole_too_while_the_reason_is_asked_and_later_not(talk: Talk, known: int) -> None:
    for expected in ([5], [5, 5]):
        talk.loop = None
        talk.say("/rate_service", "rate_service", score="2")
        await talk.run(ActionRateService())
        talk.loop, talk.slots["requested_slot"] = "rating_form", "rating_reason"
        talk.say("/rate_service", "rate_service", score="5")
        await talk.run(ValidateRatingForm())
        assert [rating.score for rating in _new(talk, known)] == expected
        talk.say("/deny", "deny")
        await talk.run(ValidateRatingForm())
        await talk.run(ActionThankRating())


@pytest.fixture
def known(talk: Talk) -> int:
    """The newest rating of the demo shop; the test's own come after it."""
    with talk.database.read() as session:
        return session.scalar(select(func.max(Rating.id))) or 0


def _new(talk: Talk, known: int) -> list[Rating]:
    with talk.database.read() as session:
        return list(session.scalars(select(Rating).where(Rating.id > known)))


def _ask_survey(talk: Talk) -> int:
    with talk.database.begin() as session:
        moment = clock.now()
        complaint = Complaint(
            code="KN-2026-999999",
            customer_id=talk.metadata["customer_id"],
            category=ComplaintCategory.OTHER,
            severity=Severity.NORMAL,
            state=ComplaintState.RESOLVED,
            description="x",
            created_at=moment,
            promised_at=moment,
            resolved_at=moment,
        )
        session.add(complaint)
        session.flush()
        survey = Survey(complaint_id=complaint.id, customer_id=complaint.customer_id, due_at=moment, asked_at=moment)
        session.add(survey)
        return complaint.id


async def test_danger_told_as_a_reason_warns_and_calls(talk: Talk) -> None:
    talk.slots |= {"requested_slot": "rating_score"}
    talk.loop = "rating_form"
    talk.say("1 sao", "rate_service")
    await talk.run(ValidateRatingForm())
    talk.say("cắm điện vô là xẹt lửa, suýt cháy nhà", "complaint")
    assert await talk.responses(ValidateRatingForm()) == ["utter_danger"]
    assert talk.slots["rating_reason"].startswith("cắm điện")
    assert "xẹt lửa" in talk.calls()[0].note
