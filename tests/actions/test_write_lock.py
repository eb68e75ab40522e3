"""While articles are looked for nobody waits for the writer's lock, and what is written is written once."""

import sqlite3
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from actions.base import CareAction
from actions.complaint_form import ValidateComplaintForm
from actions.fallback import ActionFallback
from actions.usage import ActionAnswerUsage
from crm import embeddings, health, knowledge
from crm.models.catalogue import KnowledgeFeedback
from crm.models.messaging import ActionReceipt
from tests.actions.conftest import Talk

UNKNOWN = "máy giặt phát nhạc bluetooth kiểu gì"
ASIDE = "với lại đổi trả trong mấy ngày"


def _meanwhile(monkeypatch: pytest.MonkeyPatch, does: Callable[[], Any]) -> list[Any]:
    """Does something each time a question is embedded; its results."""
    done: list[Any] = []
    real = embeddings.of_question

    def slowly(said: str) -> Any:
        done.append(does())
        return real(said)

    monkeypatch.setattr(embeddings, "of_question", slowly)
    return done


@pytest.mark.parametrize(
    ("action", "said", "intent", "second"),
    [
        (ActionAnswerUsage(), "máy giặt không vắt", "product_usage", None),
        (ActionAnswerUsage(), UNKNOWN, "product_usage", None),
        (ActionAnswerUsage(), f"máy giặt không vắt, {ASIDE}", "product_usage", ("return_exchange", ASIDE)),
        (ActionFallback(), "máy giặt không vắt được", "nlu_fallback", None),
    ],
)
async def test_another_process_can_write(
    talk: Talk, monkeypatch: pytest.MonkeyPatch, action: CareAction, said: str, intent: str, second: Any
) -> None:
    path = talk.database.engine.url.database

    def lock() -> bool:
        with sqlite3.connect(str(path), timeout=0, isolation_level=None) as other:
            other.execute("BEGIN IMMEDIATE")
            other.execute("ROLLBACK")
        other.close()
        return True

    locked = _meanwhile(monkeypatch, lock)
    talk.say(said, intent, second=second)
    assert (await talk.responses(action))[0] in ("utter_knowledge", "utter_no_article")
    assert locked


async def test_what_somebody_wrote_meanwhile_stays_and_ours_is_written_once(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []

    def write() -> None:
        if not written:  # the first time only: the second run holds the lock
            written.append("bot")
            with talk.database.begin() as session:
                health.beat(session, "bot", "serving")

    _meanwhile(monkeypatch, write)
    talk.say(UNKNOWN, "product_usage")
    for _ in range(2):
        assert await talk.responses(ActionAnswerUsage()) == ["utter_no_article"]
    with talk.database.read() as session:
        assert [sign.process for sign in health.signs(session)] == ["bot"]
        assert [kept.question for kept in session.scalars(select(KnowledgeFeedback))] == [UNKNOWN]
        receipts = session.scalars(select(ActionReceipt).where(ActionReceipt.action == knowledge.ANSWER)).all()
    assert written == ["bot"]
    assert len(receipts) == 1


async def test_a_second_question_in_a_form_is_looked_for_without_the_lock_too(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = talk.database.engine.url.database
    locked: list[bool] = []

    def lock() -> None:
        other = sqlite3.connect(str(path), timeout=0, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        other.close()
        locked.append(True)

    _meanwhile(monkeypatch, lock)
    talk.slots |= {"complaint_description": "x", "complaint_subject": "y", "requested_slot": "complaint_since"}
    talk.loop = "complaint_form"
    asks = "mà máy giặt không vắt thì làm sao"
    talk.say(f"hôm qua, {asks}", "inform", second=("product_usage", asks))
    assert await talk.responses(ValidateComplaintForm()) == ["utter_knowledge"]
    assert talk.slots["complaint_since"] is not None
    assert locked
