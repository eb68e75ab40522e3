"""Pipeline step: codes, phone numbers, e-mail addresses, money, dates and names of people (nlu.entities)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.extractors.extractor import EntityExtractorMixin
from rasa.shared.nlu.constants import ENTITIES, TEXT
from rasa.shared.nlu.training_data.message import Message

from nlu.catalogue_file import CatalogueFile
from nlu.entities import codes, dates, money, people
from nlu.entities.reading import Found, Reading, read, without_overlaps

# Rasa's story tests compare every entity, and a relative date differs from day to day: they set this to "codes".
VARIABLE = "TRIAN_ENTITY_KINDS"
Finder = Callable[[Reading], Iterable[Found]]


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=False)
class VietnameseEntityExtractor(GraphComponent, EntityExtractorMixin):
    """Adds what each of `find` finds: `codes` (order_code, ticket_code, serial, phone, landline, email), `money`,
    `dates` (date), `people` (person_name) and `products` (product).

    One component for all of them: a message is folded once, and each more step of Rasa's graph costs 0.05 to 0.1 ms.
    Where two kinds overlap, the longer words win; candidates for the same words all stay, the surest first.
    """

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """`timezone` tells which day is today; `catalogue` overrides TRIAN_CATALOGUE_FILE."""
        return {
            "find": ["codes", "money", "dates", "people", "products"],
            "timezone": "Asia/Ho_Chi_Minh",
            "catalogue": None,
        }

    def __init__(self, config: dict[str, Any], today: Callable[[], date] | None = None) -> None:
        """Args: today: the customer's day; by default the clock's in the configured timezone."""
        zone = ZoneInfo(config["timezone"])
        self._today = today or (lambda: datetime.now(zone).date())
        self._products = CatalogueFile(Path(config["catalogue"]) if config["catalogue"] else None)
        every: dict[str, Finder] = {
            "codes": codes.find,
            "money": money.find,
            "dates": lambda reading: dates.find(reading, self._today()),
            "people": people.find,
            "products": lambda reading: self._products.current().find(reading),
        }
        kinds = os.environ.get(VARIABLE)
        self._finders = [every[name] for name in (kinds.split(",") if kinds else config["find"])]

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> VietnameseEntityExtractor:
        """Build the component; nothing of it is stored with the model. Raises KeyError for an unknown kind."""
        return cls(config)

    def process(self, messages: list[Message]) -> list[Message]:
        """Append what is found to each message's entities, in order of appearance."""
        for message in messages:
            found = [one.as_entity() for one in self.find(message.get(TEXT) or "")]
            known = message.get(ENTITIES, [])
            message.set(ENTITIES, known + self.add_extractor_name(found), add_to_output=True)
        return messages

    def find(self, text: str) -> list[Found]:
        """The entities of one text as it was typed."""
        reading = read(text)
        return without_overlaps([one for finder in self._finders for one in finder(reading)])
