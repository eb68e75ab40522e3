from __future__ import annotations

import pytest
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import (
    ActionExecuted,
    ActionExecutionRejected,
    ActiveLoop,
    BotUttered,
    Event,
    SlotSet,
    UserUttered,
)

from nlu.turns import RANKING_LENGTH, _result

DOMAIN = Domain.from_dict({"forms": {"complaint_form": {"required_slots": []}}, "actions": ["action_fallback"]})
UNSURE = {"name": "nlu_fallback", "confidence": 0.45}
GUESSES = [UNSURE, *({"name": f"intent_{n}", "confidence": 0.1} for n in range(20))]


def said() -> UserUttered:
    return UserUttered("máy kêu to", intent=UNSURE, parse_data={"intent": UNSURE, "intent_ranking": GUESSES})


@pytest.mark.parametrize(
    ("acted", "answers"),
    [
        ([SlotSet("story", "x"), ActionExecuted("complaint_form"), BotUttered("Dạ")], True),
        ([ActionExecuted("complaint_form"), ActiveLoop(None), ActionExecuted("action_submit")], True),
        (
            [
                ActionExecutionRejected("complaint_form"),
                ActionExecuted("action_fallback"),
                ActionExecuted("complaint_form"),
            ],
            False,
        ),
        ([ActionExecuted("action_fallback")], False),
        ([], False),
    ],
    ids=["answer", "last answer", "aside", "no form", "silence"],
)
def test_an_answer_to_a_form_is_told_from_words_aside(acted: list[Event], answers: bool) -> None:
    result = _result([said(), *acted, ActionExecuted("action_listen")], DOMAIN)
    assert result.answers_form is answers
    assert result.intent == UNSURE
    assert result.ranking == GUESSES[:RANKING_LENGTH]


def test_a_pressed_button_has_no_ranking() -> None:
    pressed = UserUttered("/greet", intent={"name": "greet", "confidence": 1.0})
    result = _result([pressed, ActionExecuted("action_listen")], DOMAIN)
    assert (result.intent["name"], result.ranking) == ("greet", [])
