"""What holds for every action: known to the domain, never without an answer, never registered by mistake."""

import asyncio
import re
import time
from pathlib import Path

import pytest
import yaml
from rasa_sdk.executor import ActionExecutor
from sqlalchemy.orm import Session

import actions.base
from actions.aside import ActionAnswerAside
from actions.base import CareAction
from actions.fallback import ActionFallback
from actions.handover import ActionTalkToHuman
from actions.order import ActionOrderStatus, ActionWarranty
from actions.product import ActionAskPrice
from actions.turn import Reply, Turn
from crm.models.conversations import EscalationReason, EscalationState
from crm.words import words
from tests.actions.conftest import Talk

DOMAIN = yaml.safe_load(Path("domain.yml").read_text(encoding="utf-8"))
SOURCES = [path.read_text(encoding="utf-8") for path in Path("actions").glob("*.py")]


class Broken(CareAction):
    action = "action_broken"

    def act(self, session: Session, turn: Turn, reply: Reply) -> None:
        raise RuntimeError("boom")


def test_every_action_stands_in_the_domain_and_every_name_has_its_action() -> None:
    executor = ActionExecutor()
    executor.register_package("actions")
    assert set(executor.actions) - {Broken.action} == set(DOMAIN["actions"])


def test_every_response_an_action_utters_exists() -> None:
    uttered = {name for source in SOURCES for name in re.findall(r'"(utter_[a-z_]+)"', source)} - {"utter_message"}
    assert uttered <= set(DOMAIN["responses"])


def test_every_intent_can_be_offered_or_is_a_bare_answer() -> None:
    offered = set(words("labels")["intents"])
    assert set(DOMAIN["intents"]) - offered == {"goodbye", "thank", "affirm", "deny", "inform", "out_of_scope"}


def test_no_vietnamese_in_the_actions() -> None:
    assert not [source for source in SOURCES if re.search("[ăâđêôơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữự]", source)]


async def test_a_failure_still_answers(talk: Talk) -> None:
    talk.say("alo", "greet")
    assert await talk.responses(Broken()) == ["utter_technical_problem"]


async def test_a_slow_action_is_cut_off(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions.base, "TIME_LIMIT_S", 0.05)
    monkeypatch.setattr(Broken, "act", lambda *_: time.sleep(0.3))
    talk.say("alo", "greet")
    started = asyncio.get_running_loop().time()
    assert await talk.responses(Broken()) == ["utter_technical_problem"]
    assert asyncio.get_running_loop().time() - started < 0.25


async def test_without_a_customer_it_answers_what_it_can(talk: Talk) -> None:
    talk.metadata = {}
    talk.say("máy lạnh giá bao nhiêu", "ask_price")
    talk.said[-1]["metadata"] = talk.metadata = {}
    assert await talk.responses(ActionAskPrice()) == ["utter_price"]
    assert await talk.responses(ActionOrderStatus()) == ["utter_unknown_customer"]


async def test_the_third_misunderstanding_calls_a_person(talk: Talk) -> None:
    talk.say("blorp", "nlu_fallback", 0.3)
    assert await talk.responses(ActionFallback()) == ["utter_rephrase"]
    talk.say("gleep", "nlu_fallback", 0.3)
    [offered] = await talk.run(ActionFallback())
    assert [button["payload"] for button in offered["buttons"]] == ["/warranty", "/delivery", "/talk_to_human"]
    talk.say("zork", "nlu_fallback", 0.3)
    assert (await talk.responses(ActionFallback()))[0].startswith("utter_handover")
    assert _called(talk) is EscalationReason.NOT_UNDERSTOOD


async def test_an_understood_message_in_between_starts_the_count_again(talk: Talk) -> None:
    talk.say("blorp", "nlu_fallback", 0.3)
    talk.say("chào shop", "greet")
    talk.say("gleep", "nlu_fallback", 0.3)
    assert await talk.responses(ActionFallback()) == ["utter_rephrase"]


async def test_a_person_is_called_and_the_customer_told(talk: Talk) -> None:
    talk.say("cho gặp nhân viên", "talk_to_human")
    assert (await talk.responses(ActionTalkToHuman()))[0].startswith("utter_handover")
    assert _called(talk) is EscalationReason.ASKED


async def test_own_orders_only(talk: Talk) -> None:
    talk.say("đơn DH000104 tới đâu", "order_status", order_code="DH000104")
    assert await talk.responses(ActionOrderStatus()) == ["utter_order_not_found"]
    talk.say("đơn của anh tới đâu", "order_status")
    assert await talk.responses(ActionOrderStatus()) == ["utter_order_status"]


async def test_the_warranty_of_a_thing_bought(talk: Talk) -> None:
    talk.say("máy giặt còn bảo hành không", "warranty")
    [answer] = await talk.run(ActionWarranty())
    assert answer["response"] in ("utter_warranty_valid", "utter_warranty_over")
    assert "MG90" in answer["product"]


async def test_a_word_aside_starts_nothing_of_its_own(talk: Talk) -> None:
    talk.loop = "complaint_form"
    talk.say("máy giặt không vắt làm sao?", "product_usage")
    assert await talk.responses(ActionAnswerAside()) == ["utter_knowledge"]
    assert talk.slots.get("expecting") is None


def _called(talk: Talk) -> EscalationReason | None:
    return next((call.reason for call in talk.calls() if call.state is not EscalationState.CLOSED), None)
