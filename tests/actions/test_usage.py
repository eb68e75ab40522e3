import pytest
from sqlalchemy import select

from actions.fallback import ActionFallback
from actions.usage import ActionAnswerUsage, ActionMarkHelpful, ActionNotHelpful
from crm.models.catalogue import KnowledgeFeedback, KnowledgeFeedbackKind
from crm.models.conversations import Conversation, EscalationReason, Mode
from tests.actions.conftest import Talk


@pytest.mark.parametrize("question", ["máy giặt không vắt", "may giat nha toi khong vat duoc"])
async def test_the_article_is_named_and_its_steps_quoted(talk: Talk, question: str) -> None:
    talk.say(question, "product_usage")
    answer, asks = await talk.run(ActionAnswerUsage())
    assert answer["title"] == "Lỗi thường gặp của máy giặt cửa ngang"
    assert "không vắt" in answer["passage"]
    assert "1. " in answer["passage"]
    assert asks["response"] == "utter_did_that_help"
    assert talk.slots["expecting"] == "helpful"
    assert talk.slots["product"] == "NS-MG90"


async def test_a_question_that_fits_several_products_is_asked_back_and_then_answered(talk: Talk) -> None:
    talk.say("chảy nước ra sàn hoài", "product_usage")
    [asked] = await talk.run(ActionAnswerUsage())
    assert asked["response"] == "utter_which_product"
    assert len(asked["buttons"]) > 1
    talk.say("/product_usage", "product_usage", product="NS-MG90")
    answer = (await talk.run(ActionAnswerUsage()))[0]
    assert answer["title"] == "Lỗi thường gặp của máy giặt cửa ngang"


async def test_no_guess_where_no_article_fits(talk: Talk) -> None:
    talk.say("máy giặt phát nhạc bluetooth kiểu gì", "product_usage")
    assert await talk.responses(ActionAnswerUsage()) == ["utter_no_article"]
    with talk.database.read() as session:
        kept = session.scalars(select(KnowledgeFeedback)).one()
        assert (kept.kind, kept.question) == (KnowledgeFeedbackKind.UNANSWERED, "máy giặt phát nhạc bluetooth kiểu gì")


async def test_no_leads_to_a_person_and_is_kept(talk: Talk) -> None:
    talk.say("máy giặt không vắt", "product_usage")
    await talk.run(ActionAnswerUsage())
    talk.say("chưa được", "deny")
    assert await talk.responses(ActionNotHelpful()) == ["utter_not_helpful_handover"]
    with talk.database.read() as session:
        assert session.scalars(select(KnowledgeFeedback)).one().kind is KnowledgeFeedbackKind.NOT_HELPFUL
        called = talk.calls()[0]
        assert called.reason is EscalationReason.NOT_HELPFUL
        assert "không vắt" in called.note
        assert session.get_one(Conversation, talk.metadata["conversation_id"]).mode is Mode.PEOPLE


async def test_still_not_working_said_in_other_words_is_a_no(talk: Talk) -> None:
    talk.say("máy giặt không vắt", "product_usage")
    await talk.run(ActionAnswerUsage())
    talk.say("vẫn y vậy em ơi", "product_usage")
    assert await talk.responses(ActionAnswerUsage()) == []
    assert talk.followup == "action_not_helpful"


async def test_yes_is_kept_once(talk: Talk) -> None:
    talk.say("máy giặt không vắt", "product_usage")
    await talk.run(ActionAnswerUsage())
    talk.say("được rồi", "affirm")
    await talk.run(ActionMarkHelpful())
    await talk.run(ActionMarkHelpful())
    with talk.database.read() as session:
        assert session.scalars(select(KnowledgeFeedback)).one().kind is KnowledgeFeedbackKind.HELPFUL


async def test_danger_gets_no_guide_but_a_warning_and_a_person(talk: Talk) -> None:
    talk.say("máy giặt bị rò điện tê tay", "product_usage")
    assert await talk.responses(ActionAnswerUsage()) == ["utter_danger_recorded"]
    assert talk.followup == "complaint_form"
    assert talk.slots["complaint_description"] == "máy giặt bị rò điện tê tay"
    assert "MG90" in talk.slots["complaint_subject"]
    with talk.database.read() as session:
        called = talk.calls()[0]
        assert "rò điện" in called.note
        assert session.get_one(Conversation, talk.metadata["conversation_id"]).mode is Mode.ASSISTANT


FRAGMENTS = [
    "mới mua tháng trước",
    "từ tuần trước",
    "nhắn ở đây",
    "dừng lại",
    "hồi sáng nay",
    "thứ hai tuần sau",
    "tu hom qua",
    "bên quận 7",
]
ASKED = ["bị rò nước", "không vắt được", "nó báo e2", "kêu to lắm", "khong vat"]


@pytest.mark.parametrize("product", [None, "NS-MG90", "SM-TL320"])
@pytest.mark.parametrize("said", FRAGMENTS)
async def test_a_bare_time_or_place_asks_nothing_of_the_guides(talk: Talk, said: str, product: str | None) -> None:
    talk.slots["product"] = product
    talk.say(said, "nlu_fallback")
    assert "utter_knowledge" not in await talk.responses(ActionFallback())


@pytest.mark.parametrize("said", ASKED)
async def test_a_symptom_of_the_product_under_discussion_is_answered(talk: Talk, said: str) -> None:
    talk.slots["product"] = "NS-MG90"
    talk.say(said, "nlu_fallback")
    assert (await talk.responses(ActionFallback()))[0] == "utter_knowledge"


async def test_a_symptom_of_nothing_in_particular_is_asked_again(talk: Talk) -> None:
    talk.say("kêu to lắm", "nlu_fallback")
    assert await talk.responses(ActionFallback()) == ["utter_rephrase"]
