"""The order in which calls for a person are looked after: the nearest clock, then the tier, then who waits longest."""

from datetime import UTC, datetime

from sqlalchemy import ColumnElement, case, func, literal

from crm.models.base import UtcDateTime
from crm.models.conversations import Conversation, Escalation
from crm.models.people import Customer, Tier

NEVER = datetime(9000, 1, 1, tzinfo=UTC)
RANKS = {Tier.PLATINUM: 0, Tier.GOLD: 1, Tier.SILVER: 2, Tier.NONE: 3}


def order() -> list[ColumnElement[object]]:
    """Ascending keys, never NULL, the last one unique; for statements in which Conversation and Customer are joined."""
    rank = case(*((Customer.tier == tier, number) for tier, number in RANKS.items()), else_=len(RANKS))
    return [_or_never(Escalation.due_at), rank, _or_never(Escalation.waiting_since), Conversation.id.expression]


def _or_never(column: ColumnElement[object] | object) -> ColumnElement[object]:
    return func.coalesce(column, literal(NEVER, UtcDateTime()), type_=UtcDateTime())
