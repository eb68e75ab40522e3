"""A message that asks two things, cut in two: what Rasa's room found (nlu/second_intent.py), read back."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from crm.words import words

_SIGNS = " \n\t,.;:-–+…"


@dataclass(frozen=True)
class Second:
    """What else is asked, `text` being the message's [start:end]."""

    name: str
    confidence: float
    text: str
    start: int
    end: int

    @classmethod
    def of(cls, message: Mapping[str, Any]) -> "Second | None":
        """What a parse result holds of it; None where only one thing is asked."""
        found = message.get("second_intent")
        if not isinstance(found, Mapping) or not found.get("name"):
            return None
        start, end = int(found["start"]), int(found["end"])
        return cls(str(found["name"]), float(found.get("confidence") or 0.0), str(found["text"]).strip(), start, end)

    def holds(self, place: int) -> bool:
        """Whether the place (an offset in the message) is in this clause."""
        return self.start <= place < self.end


def first_clause(said: str, second: Second) -> str:
    """The rest of the message, without the word that joined the two."""
    before, after = said[: second.start].strip(_SIGNS), said[second.end :].strip(_SIGNS)
    joints = _joints()
    if before:
        before = re.sub(rf"(?:(?:^|[\s,.]+)(?:{joints}))+$", "", before, flags=re.IGNORECASE).strip(_SIGNS)
    if after:
        after = re.sub(rf"^(?:(?:{joints})(?:[\s,.]+|$))+", "", after, flags=re.IGNORECASE).strip(_SIGNS)
    return " ".join(part for part in (before, after) if part) or said.strip()


@lru_cache(maxsize=1)
def _joints() -> str:
    known = sorted(words("dialogue")["joints"], key=len, reverse=True)
    return "|".join(re.escape(joint) for joint in known)
