"""What an answer was taken from is kept with the turn, and what came nearest with a question nothing answered."""

from sqlalchemy import select

from actions.usage import ActionAnswerUsage
from crm import knowledge
from crm.models.catalogue import KnowledgeFeedback
from tests.actions.conftest import Talk


async def test_an_answer_keeps_its_sources(talk: Talk) -> None:
    talk.say("máy giặt không vắt", "product_usage")
    await talk.run(ActionAnswerUsage())
    with talk.database.read() as session:
        told = knowledge.told(session, str(talk.metadata["turn_id"]))
    assert told is not None
    key, score = told["sources"][0]
    assert told["article"] == key == "may-giat-cua-ngang/loi-thuong-gap.md#1"
    assert 0.3 < score <= 1


async def test_an_unanswered_question_keeps_what_came_nearest(talk: Talk) -> None:
    talk.say("máy giặt có bắt được wifi để nghe nhạc không", "product_usage")
    await talk.run(ActionAnswerUsage())
    with talk.database.read() as session:
        assert session.scalars(select(KnowledgeFeedback)).one().sources
        assert knowledge.told(session, str(talk.metadata["turn_id"])) is None
