"""Pipeline step: how angry the message sounds."""

from __future__ import annotations

from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message

from nlu.anger import default_meter

ANGER = "anger"


# Of the types Rasa knows this one asks for nothing but `process`: a featurizer would be run over training data too.
@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=False)
class AngerDetector(GraphComponent):
    """Sets `anger`, a number from 0 to 1 (nlu.anger), on each message; it is part of the parse result."""

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> AngerDetector:
        """Build the component; it has nothing to configure or to store."""
        return cls()

    def process(self, messages: list[Message]) -> list[Message]:
        """Add the score; the same messages are returned."""
        meter = default_meter()
        for message in messages:
            message.set(ANGER, meter.score(message.get(TEXT) or ""), add_to_output=True)
        return messages
