"""The product's own rules, really trained: a question of ours is answered once, and no turn is rewound.

An action that is left without a rule ends in action_default_fallback, which takes the turn back with its slots:
the next message is then read as the answer to a question long answered.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from rasa.core.actions.action import RemoteAction
from rasa.core.agent import Agent
from rasa.model_training import train_core
from rasa.shared.core.events import ActionExecuted, Event, FollowupAction, SlotSet, UserUtteranceReverted

ROOT = Path(__file__).resolve().parents[2]
ASKED = {
    "helpful": ("product_usage", "action_answer_usage"),
    "person": ("product_usage", "action_answer_usage"),
    "opt_in": ("opt_in", "action_ask_opt_in"),
}
DONE = SlotSet("expecting", None)
LISTEN = FollowupAction("action_listen")
# As tests/actions/test_turn_ends.py proves of the real actions.
ENDS: dict[str, list[Event]] = {
    "action_mark_helpful": [DONE, LISTEN],
    "action_not_helpful": [DONE, LISTEN],
    "action_opt_in": [DONE, LISTEN],
    "action_talk_to_human": [DONE, LISTEN],
    "action_deny": [DONE],
    "action_affirm": [],
    "action_ask_price": [DONE],
}


@pytest.fixture(scope="module")
def dialogue(tmp_path_factory: pytest.TempPathFactory) -> Agent:
    """The dialogue model of domain.yml, data/rules and data/stories."""
    output = tmp_path_factory.mktemp("dialogue")
    stories = output / "stories"
    stories.mkdir()
    for source in (*(ROOT / "data/rules").glob("*.yml"), *(ROOT / "data/stories").glob("*.yml")):
        (stories / f"{source.parent.name}-{source.name}").write_bytes(source.read_bytes())
    path = train_core(str(ROOT / "domain.yml"), str(ROOT / "config.yml"), str(stories), str(output))
    assert path is not None
    return Agent.load(path)


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Event]]:
    """The events that the actions return."""
    given = dict(ENDS)

    async def run(self: RemoteAction, *_: Any) -> list[Event]:
        return list(given[self.name()])

    monkeypatch.setattr(RemoteAction, "run", run)
    return given


def _talk(agent: Agent, sender: str, messages: list[str]) -> tuple[list[str], Any]:
    async def go() -> Any:
        for message in messages:
            await agent.handle_text(message, sender_id=sender)
        return await agent.tracker_store.retrieve(sender)

    tracker = asyncio.run(go())
    assert not [event for event in tracker.events if isinstance(event, UserUtteranceReverted)]
    return [event.action_name for event in tracker.events if isinstance(event, ActionExecuted)], tracker


@pytest.mark.parametrize(
    ("expected", "said", "action", "then"),
    [
        ("helpful", "affirm", "action_mark_helpful", "action_affirm"),
        ("helpful", "deny", "action_not_helpful", "action_affirm"),
        ("person", "affirm", "action_talk_to_human", "action_affirm"),
        ("person", "deny", "action_deny", "action_affirm"),
        ("opt_in", "affirm", "action_opt_in", "action_affirm"),
        ("opt_in", "deny", "action_deny", "action_affirm"),
    ],
)
def test_an_answer_ends_the_question(
    dialogue: Agent, answers: dict[str, list[Event]], expected: str, said: str, action: str, then: str
) -> None:
    intent, asks = ASKED[expected]
    answers[asks] = [SlotSet("expecting", expected)]
    actions, tracker = _talk(dialogue, f"{expected}-{said}", [f"/{intent}", f"/{said}", "/affirm", "/ask_price"])
    acted = [name for name in actions if name not in ("action_listen", "action_session_start")]
    assert acted == [asks, action, then, "action_ask_price"]
    assert tracker.get_slot("expecting") is None


@pytest.mark.parametrize("caught", ["action_not_helpful", "action_mark_helpful"])
def test_an_answer_in_other_words_ends_the_question_too(
    dialogue: Agent, answers: dict[str, list[Event]], caught: str
) -> None:
    answers["action_answer_usage"] = [SlotSet("expecting", "helpful")]
    answers["action_ask_price"] = [FollowupAction(caught)]
    actions, tracker = _talk(dialogue, caught, ["/product_usage", "/ask_price", "/deny"])
    acted = [name for name in actions if name not in ("action_listen", "action_session_start")]
    assert acted == ["action_answer_usage", "action_ask_price", caught, "action_deny"]
    assert tracker.get_slot("expecting") is None


@pytest.mark.parametrize(
    ("said", "warns"),
    [
        ("product_usage", "action_answer_usage"),
        ("send_photo", "action_receive_photo"),
        ("inform", "action_inform"),
        ("nlu_fallback", "action_fallback"),
    ],
)
def test_after_the_warning_of_a_danger_the_complaint_is_taken(
    dialogue: Agent, answers: dict[str, list[Event]], said: str, warns: str
) -> None:
    answers[warns] = [SlotSet("complaint_description", "x"), FollowupAction("complaint_form")]
    answers["validate_complaint_form"] = [
        SlotSet("complaint_since", None),
        SlotSet("requested_slot", "complaint_since"),
    ]
    actions, tracker = _talk(dialogue, f"danger-{said}", [f"/{said}", "/inform", "/out_of_scope"])
    acted = [name for name in actions if name not in ("action_listen", "action_session_start")]
    assert [name for name in acted if not name.startswith("utter_ask")] == [warns, *["complaint_form"] * 3]
    assert tracker.active_loop_name == "complaint_form"
