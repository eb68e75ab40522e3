"""What an erasure does with each place: rows go, unless the shop must keep them; of those, the words go.

Kept rows hang on the customer's empty shell. Orders stay because accounts must be kept (Law on Accounting 88/2015,
article 41; Decree 174/2016, article 13: ten years); complaints, ratings and consents stay as figures and as proof, and
say nothing of who it was. docs/adr/0015-personal-data.md.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import JSON, Column, Enum, String, Table

# By table: the texts that stay. A text column made tomorrow is emptied unless it is named here.
KEPT: Mapping[str, frozenset[str]] = {
    "customers": frozenset(),
    "channel_accounts": frozenset(),
    "purchases": frozenset({"order_code", "external_id"}),
    "purchase_items": frozenset(),
    "complaints": frozenset({"code"}),
    "complaint_events": frozenset(),
    "compensations": frozenset(),
    "ratings": frozenset(),
    "consents": frozenset({"wording_version", "channel"}),
    "privacy_requests": frozenset({"channel"}),
    "campaign_recipients": frozenset({"reason"}),
}
# Messages of broadcasts are what their figures are counted from: they stay without what was written to whom.
BROADCAST = "campaign_id"
OUTBOX = "outbox"


def emptied(table: Table) -> dict[str, Any]:
    """What every text and every JSON of a kept row becomes."""
    stays = KEPT[table.name]
    return {column.name: _nothing(column) for column in table.columns if _tells(column) and column.name not in stays}


def _tells(column: Column[Any]) -> bool:
    kind = column.type
    return isinstance(kind, JSON) or (isinstance(kind, String) and not isinstance(kind, Enum))


def _nothing(column: Column[Any]) -> Any:
    if column.nullable:
        return None
    if not isinstance(column.type, JSON):
        return ""
    made = column.default.arg if column.default is not None else None  # type: ignore[attr-defined]
    return made(None) if callable(made) else {}
