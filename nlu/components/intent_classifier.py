"""Pipeline step: names the intent of a message with a confidence that means what it says."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.nlu.constants import INTENT, INTENT_RANKING_KEY, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from nlu import second_intent
from nlu.components.normaliser import NORMALISED, VietnameseNormaliser
from nlu.intent_model import IntentModel, ModelConfig, train

SECOND_INTENT = "second_intent"
_NOTHING: dict[str, Any] = {"name": None, "confidence": 0.0}


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class VietnameseIntentClassifier(IntentClassifier, GraphComponent):
    """Word and character n-grams with a linear classifier (nlu.intent_model). Text without a word gets no intent."""

    @classmethod
    def required_components(cls) -> list[type]:
        """The normaliser comes first."""
        return [VietnameseNormaliser]

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """`ranking_length` intents are listed in a prediction; the rest is ModelConfig's."""
        return {"ranking_length": 10}

    def __init__(
        self,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        model: IntentModel | None = None,
    ) -> None:
        self._config = config
        self._model_storage = model_storage
        self._resource = resource
        self._model = model

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> VietnameseIntentClassifier:
        """Build an untrained component, as training wants it."""
        return cls(config, model_storage, resource)

    def train(self, training_data: TrainingData) -> Resource:
        """Train on every example with an intent, then store the weights. Raises ValueError with under two intents."""
        examples = [example for example in training_data.intent_examples if example.get(TEXT)]
        texts = [example.get(TEXT) for example in examples]
        labels = [example.get(INTENT) for example in examples]
        self._model = train(texts, labels, ModelConfig.from_mapping(self._config))
        with self._model_storage.write_to(self._resource) as folder:
            self._model.save(folder)
        return self._resource

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> VietnameseIntentClassifier:
        """Read the weights back. Any trouble is raised: an untrained classifier must never go on line silently."""
        with model_storage.read_from(resource) as folder:
            return cls(config, model_storage, resource, IntentModel.load(folder))

    def process(self, messages: list[Message]) -> list[Message]:
        """Set `intent`, `intent_ranking` (highest confidence first) and `second_intent` (nlu.second_intent, or None).

        Raises RuntimeError while untrained.
        """
        if self._model is None:
            raise RuntimeError("the intent classifier was asked before it was trained")
        probabilities = self._model.probabilities([message.get(NORMALISED) for message in messages])
        for message, row in zip(messages, probabilities, strict=True):
            ranking = self._ranking(row) if message.get(NORMALISED) else []
            message.set(INTENT, dict(ranking[0] if ranking else _NOTHING), add_to_output=True)
            message.set(INTENT_RANKING_KEY, ranking, add_to_output=True)
            message.set(SECOND_INTENT, self._second(message.get(TEXT) or "", ranking), add_to_output=True)
        return messages

    def _second(self, text: str, ranking: list[dict[str, Any]]) -> dict[str, Any] | None:
        """What else the message asks; the model is asked again here, so that its weights are stored once."""
        if self._model is None or not ranking:
            return None
        found = second_intent.find(text, ranking[0]["name"], self._model.probabilities, self._model.intents)
        return found.as_property() if found else None

    def _ranking(self, row: NDArray[np.float64]) -> list[dict[str, Any]]:
        assert self._model is not None
        best = np.argsort(-row, kind="stable")[: self._config["ranking_length"]]
        return [{"name": self._model.intents[i], "confidence": float(row[i])} for i in best]
