"""One turn of a conversation: at most once per turn id, all of it stored or none, failures of actions noticed."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import Any

from rasa.core.actions.action import Action, ActionExecutionRejection
from rasa.core.channels.channel import CollectingOutputChannel, OutputChannel, UserMessage
from rasa.core.nlg import NaturalLanguageGenerator
from rasa.core.policies.policy import PolicyPrediction
from rasa.core.processor import MessageProcessor
from rasa.core.tracker_store import FailSafeTrackerStore
from rasa.shared.core.constants import ACTION_EXTRACT_SLOTS, ACTION_LISTEN_NAME, REQUESTED_SLOT
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import (
    ActionExecuted,
    ActionExecutionRejected,
    ActiveLoop,
    BotUttered,
    ConversationPaused,
    Event,
    SlotSet,
    UserUtteranceReverted,
    UserUttered,
)
from rasa.shared.core.trackers import DialogueStateTracker

logger = logging.getLogger(__name__)

TURN_ID = "turn_id"
ACTION_TIMEOUT_S = 8.0
RANKING_LENGTH = 6


@dataclass(frozen=True)
class Turn:
    """What the bot asks. `text` starts with "/" only in a payload of our own bot, which Rasa reads as an intent.

    `anew`: people have spoken with the customer in between; a form that was under way is over.
    """

    conversation_id: str
    turn_id: str
    text: str
    slots: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    anew: bool = False


@dataclass(frozen=True)
class TurnResult:
    """What the bot gets: messages in order, and the intent as {"name", "confidence"}, as is each of `ranking`.

    `answers_form`: a form took the message as the answer to its question, whatever its intent.
    """

    messages: list[dict[str, Any]]
    intent: dict[str, Any]
    ranking: list[dict[str, Any]] = field(default_factory=list)
    answers_form: bool = False
    replayed: bool = False
    failed_actions: list[str] = field(default_factory=list)


class ActionFailed(Exception):
    """An action failed and the turn gave the customer no message at all. Nothing of the turn was stored."""

    def __init__(self, actions: list[str]) -> None:
        super().__init__(", ".join(actions))
        self.actions = actions


class TurnOutput(CollectingOutputChannel):
    """Carries the names of failed actions through Rasa, which hands it to every action it runs."""

    def __init__(self) -> None:
        super().__init__()
        self.failed_actions: list[str] = []

    @classmethod
    def name(cls) -> str:
        """The channel actions are told about."""
        return "trian"


class WatchedAction(Action):
    """An action whose failure is written down before MessageProcessor logs and swallows it, and which ends in time."""

    def __init__(self, action: Action) -> None:
        self._action = action

    def name(self) -> str:
        """The watched action's name."""
        return str(self._action.name())

    def event_for_successful_execution(self, prediction: PolicyPrediction) -> ActionExecuted:
        """The watched action's event."""
        return self._action.event_for_successful_execution(prediction)

    async def run(
        self,
        output_channel: OutputChannel,
        nlg: NaturalLanguageGenerator,
        tracker: DialogueStateTracker,
        domain: Domain,
    ) -> list[Event]:
        """Run it. Raises what it raises; a rejection is a normal way for a form to step aside, not a failure."""
        try:
            return await asyncio.wait_for(self._action.run(output_channel, nlg, tracker, domain), ACTION_TIMEOUT_S)
        except ActionExecutionRejection:
            raise
        except Exception:
            if isinstance(output_channel, TurnOutput):
                output_channel.failed_actions.append(self.name())
            raise


class TurnProcessor(MessageProcessor):
    """Rasa's processor with turns. It shares the loaded model of the processor it was made from."""

    @classmethod
    def sharing(cls, processor: MessageProcessor) -> TurnProcessor:
        """Make one from Rasa's own, without loading the model twice.

        FailSafeTrackerStore is taken off: with it, a database that fails is replaced by memory in silence; here the
        turn fails, and the bot asks again.
        """
        turns = cls.__new__(cls)
        turns.__dict__.update(processor.__dict__)
        if isinstance(processor.tracker_store, FailSafeTrackerStore):
            turns.tracker_store = processor.tracker_store._tracker_store
        return turns

    async def handle_turn(self, turn: Turn) -> TurnResult:
        """Run a turn, or answer again what it was answered before. The caller holds the conversation's lock.

        Raises ActionFailed (see there). Any other exception means that nothing was stored.
        """
        tracker = await self.get_tracker(turn.conversation_id)
        earlier = _events_of_turn(tracker, turn.turn_id)
        if earlier and _is_complete(earlier):
            return _result(earlier, self.domain, replayed=True)
        if earlier:
            _rewind(tracker, self.domain)
        output = TurnOutput()
        events = await self._run_turn(turn, tracker, output)
        result = _result(events, self.domain, failed_actions=output.failed_actions)
        if output.failed_actions and not result.messages:
            raise ActionFailed(output.failed_actions)
        await self.save_tracker(tracker)
        return result

    async def _run_turn(self, turn: Turn, tracker: DialogueStateTracker, output: TurnOutput) -> list[Event]:
        """MessageProcessor.handle_message with one read of the tracker and the saving left to the caller."""
        metadata = {**turn.metadata, TURN_ID: turn.turn_id}
        await self._update_tracker_session(tracker, output, metadata)
        if turn.anew and tracker.active_loop:
            tracker.update_with_events([ActiveLoop(None), SlotSet(REQUESTED_SLOT, None)], self.domain)
        for name, value in turn.slots.items():
            if name in tracker.slots and tracker.get_slot(name) != value:
                tracker.update(SlotSet(name, value), self.domain)
        before = len(tracker.events)
        message = UserMessage(turn.text, output, turn.conversation_id, input_channel="trian", metadata=metadata)
        await self._handle_message_with_tracker(message, tracker)
        await self.run_action_extract_slots(output, tracker)
        await self._run_prediction_loop(output, tracker)
        return list(tracker.events)[before:]

    async def _run_action(
        self,
        action: Action,
        tracker: DialogueStateTracker,
        output_channel: OutputChannel,
        nlg: NaturalLanguageGenerator,
        prediction: PolicyPrediction,
    ) -> bool:
        return bool(await super()._run_action(WatchedAction(action), tracker, output_channel, nlg, prediction))


def _events_of_turn(tracker: DialogueStateTracker, turn_id: str) -> list[Event]:
    """The turn's last running, from what the customer said to where they spoke again; empty if the id is not known."""
    events = list(tracker.events)
    starts = [i for i, event in enumerate(events) if isinstance(event, UserUttered)]
    for start, end in zip(reversed(starts), reversed([*starts, len(events)][1:]), strict=True):
        if (events[start].metadata or {}).get(TURN_ID) == turn_id:
            turn = events[start:end]
            return [] if any(isinstance(event, UserUtteranceReverted) for event in turn) else turn
    return []


def _is_complete(turn: list[Event]) -> bool:
    """Whether the assistant came to listen again, or was told to be silent."""
    return any(
        isinstance(event, ConversationPaused)
        or (isinstance(event, ActionExecuted) and event.action_name == ACTION_LISTEN_NAME)
        for event in turn
    )


def _rewind(tracker: DialogueStateTracker, domain: Domain) -> None:
    """Take the half-done last turn back: its slots and actions are as if never said; the events stay for the record."""
    tracker.update(UserUtteranceReverted(), domain)
    tracker.update(ActionExecuted(ACTION_LISTEN_NAME), domain)


def _result(
    turn: list[Event], domain: Domain, replayed: bool = False, failed_actions: list[str] | None = None
) -> TurnResult:
    said = next((event for event in turn if isinstance(event, UserUttered)), None)
    ranking = (said.parse_data or {}).get("intent_ranking") or [] if said else []
    return TurnResult(
        messages=[_message(event) for event in turn if isinstance(event, BotUttered)],
        intent=_guess(said.intent if said else {}),
        ranking=[_guess(guess) for guess in ranking[:RANKING_LENGTH]],
        answers_form=_answers_form(turn, domain),
        replayed=replayed,
        failed_actions=failed_actions or [],
    )


def _guess(intent: dict[str, Any]) -> dict[str, Any]:
    return {"name": intent.get("name"), "confidence": float(intent.get("confidence") or 0.0)}


def _answers_form(turn: list[Event], domain: Domain) -> bool:
    """Whether a form was the first to act, and did not reject the message."""
    for event in turn:
        if isinstance(event, ActionExecutionRejected):
            return False
        if isinstance(event, ActionExecuted) and event.action_name != ACTION_EXTRACT_SLOTS:
            return event.action_name in domain.form_names
    return False


def _message(event: BotUttered) -> dict[str, Any]:
    buttons = event.data.get("buttons") or []
    return {
        "text": event.text,
        "buttons": [{"title": button.get("title"), "payload": button.get("payload")} for button in buttons],
        "image": event.data.get("image"),
        "custom": event.data.get("custom"),
    }
