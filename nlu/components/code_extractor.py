"""Pipeline step: finds order codes, ticket codes and Vietnamese mobile numbers, however they are typed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.extractors.extractor import EntityExtractorMixin
from rasa.shared.nlu.constants import ENTITIES, TEXT
from rasa.shared.nlu.training_data.message import Message

_SEPARATOR = r"[\s.\-_–/]{0,3}"
_TICKET = re.compile(rf"(?<!\w)kn{_SEPARATOR}(20\d\d){_SEPARATOR}(\d{{6}})(?!\d)", re.IGNORECASE)
_ORDER = re.compile(rf"(?<!\w)[dđ]h{_SEPARATOR}(?:#\s?)?(\d{{3,12}})(?!\d)", re.IGNORECASE)
# A mobile number: 03, 05, 07, 08 or 09 and eight digits more, grouped at will, 0 or 84 in front.
_PHONE = re.compile(r"(?<![\w+])(?:\+?84|\(\+?84\)|0)[\s.\-]{0,2}0?([35789](?:[\s.\-]{0,2}\d){8})(?!\d)")


def _ticket_code(match: re.Match[str]) -> str:
    return f"KN-{match[1]}-{match[2]}"


def _order_code(match: re.Match[str]) -> str:
    return f"DH{match[1]}"


def _phone_number(match: re.Match[str]) -> str:
    return "0" + re.sub(r"\D", "", match[1])


_PATTERNS: tuple[tuple[str, re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    ("ticket_code", _TICKET, _ticket_code),
    ("order_code", _ORDER, _order_code),
    ("phone", _PHONE, _phone_number),
)


def find_codes(text: str) -> Iterator[dict[str, Any]]:
    """Yield entities in canonical form (KN-2026-000123, DH000123, 0900000012); offsets are those of `text` itself."""
    for entity, pattern, canonical in _PATTERNS:
        for match in pattern.finditer(text):
            yield {
                "entity": entity,
                "value": canonical(match),
                "start": match.start(),
                "end": match.end(),
                "confidence_entity": 1.0,
            }


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=False)
class CodeExtractor(GraphComponent, EntityExtractorMixin):
    """Adds the entities `ticket_code`, `order_code` and `phone`; product names are resolved by the actions."""

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> CodeExtractor:
        """Build the component; it has nothing to configure or to store."""
        return cls()

    def process(self, messages: list[Message]) -> list[Message]:
        """Append what is found to each message's entities, in order of appearance."""
        for message in messages:
            found = sorted(find_codes(message.get(TEXT) or ""), key=lambda entity: int(entity["start"]))
            known = message.get(ENTITIES, [])
            message.set(ENTITIES, known + self.add_extractor_name(found), add_to_output=True)
        return messages
