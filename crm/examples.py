"""Sentences that people assigned an intent, for the training: a Rasa file that says who added each, and when."""

from collections.abc import Sequence
from typing import Any

import yaml
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crm.models.review import NluExample
from crm.models.staff import Staff

_MARKUP = str.maketrans({"[": "(", "]": ")", "{": "(", "}": ")"})


def active(session: Session) -> list[NluExample]:
    """Every example that was not withdrawn, oldest first."""
    return list(session.scalars(select(NluExample).where(NluExample.withdrawn_at.is_(None)).order_by(NluExample.id)))


def untrained(session: Session) -> int:
    """How many of them no model has learnt yet."""
    active_ones = select(func.count(NluExample.id)).where(NluExample.withdrawn_at.is_(None))
    return session.scalar(active_ones.where(NluExample.trained_in.is_(None))) or 0


def as_training_data(session: Session) -> str:
    """The active examples as Rasa training data, the same text for the same examples; empty without any."""
    examples = active(session)
    if not examples:
        return ""
    names = {member.id: member.username for member in session.scalars(select(Staff))}
    intents = sorted({example.intent for example in examples})
    blocks = [
        {"intent": intent, "examples": [_item(one, names) for one in examples if one.intent == intent]}
        for intent in intents
    ]
    head = f"# {len(examples)} sentences from the review queue, written by `trian train`; do not edit.\n"
    return head + yaml.safe_dump({"version": "3.1", "nlu": blocks}, allow_unicode=True, sort_keys=False, width=1000)


def mark_trained(session: Session, example_ids: Sequence[int], model: str) -> None:
    """Notes that `model` has learnt the examples."""
    for example in session.scalars(select(NluExample).where(NluExample.id.in_(example_ids))):
        example.trained_in = model


def _item(example: NluExample, names: dict[int, str]) -> dict[str, Any]:
    # Brackets and braces would be read as entities.
    text = " ".join(example.text.translate(_MARKUP).split())
    added = {"example": example.id, "entry": example.entry_id, "by": names[example.staff_id]}
    return {"text": f"- {text}\n", "metadata": {**added, "at": example.at.isoformat(timespec="seconds")}}
