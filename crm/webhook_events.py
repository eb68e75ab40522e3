"""What happens, told to other systems: written in the transaction in which it happens, whoever makes it happen.

Looks at what a session writes, so that no service has to remember it. `data` holds numbers, codes and states only: who
receives it asks the API for the rest, and what is erased here has not been sent round the world.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, event, insert, inspect, select
from sqlalchemy.orm import Session, UOWTransaction

from crm import clock
from crm.models.care import Complaint, ComplaintEvent, Rating
from crm.models.conversations import Conversation, Escalation, EscalationState
from crm.models.integration import (
    WebhookDelivery,
    WebhookEndpoint,
    WebhookEvent,
    WebhookEventType,
    WebhookState,
)
from crm.models.people import Consent

WATCHED = (ComplaintEvent, Rating, Escalation, Consent)


@dataclass(frozen=True)
class Story:
    """Something to tell, before it has a number."""

    type: WebhookEventType
    data: dict[str, Any] = field(default_factory=dict)


def watch() -> None:
    """Looks at every session from now on; harmless when it does so already."""
    if not event.contains(Session, "after_flush", _after_flush):
        event.listen(Session, "after_flush", _after_flush)


def write(connection: Connection, story: Story, endpoints: list[int]) -> int:
    """Writes the event and one delivery for each endpoint; returns the event's number."""
    moment = clock.now()
    told = insert(WebhookEvent).values(key=f"evt_{uuid4().hex}", type=story.type, data=story.data, at=moment)
    number: int = connection.execute(told.returning(WebhookEvent.id)).scalar_one()
    due = {"state": WebhookState.PENDING, "attempts": 0, "first_due_at": moment, "due_at": moment, "answer": ""}
    rows = [{"event_id": number, "endpoint_id": endpoint, **due} for endpoint in endpoints]
    connection.execute(insert(WebhookDelivery), rows)
    return number


def _after_flush(session: Session, _context: UOWTransaction) -> None:
    fresh = [each for each in session.new if isinstance(each, WATCHED)]
    changed = [each for each in session.dirty if isinstance(each, WATCHED)]
    if not fresh and not changed:
        return
    connection = session.connection()
    wanted = _wanted(connection)
    if not wanted:
        return
    stories = [story for row in fresh for story in _of_new(connection, row)]
    stories += [story for row in changed for story in _of_changed(connection, row)]
    for story in stories:
        endpoints = [number for number, types in wanted.items() if story.type in types]
        if endpoints:
            write(connection, story, endpoints)


def _wanted(connection: Connection) -> dict[int, list[str]]:
    alive = (WebhookEndpoint.disabled_at.is_(None), WebhookEndpoint.removed_at.is_(None))
    rows = connection.execute(select(WebhookEndpoint.id, WebhookEndpoint.events).where(*alive))
    return {number: list(types) for number, types in rows}


def _of_new(connection: Connection, row: object) -> Iterator[Story]:
    match row:
        case ComplaintEvent():
            yield _complaint(connection, row)
        case Rating():
            yield Story(WebhookEventType.RATING_GIVEN, _rating(row))
        case Escalation():
            yield Story(WebhookEventType.HANDED_OVER, _escalation(connection, row))
        case Consent() if not row.granted:
            yield Story(
                WebhookEventType.CONSENT_WITHDRAWN, {"customer_id": row.customer_id, "purpose": row.purpose.value}
            )


def _of_changed(connection: Connection, row: object) -> Iterator[Story]:
    if isinstance(row, Rating) and _has_changed(row, "score", "reason"):
        yield Story(WebhookEventType.RATING_CHANGED, _rating(row))
    if isinstance(row, Escalation) and _has_changed(row, "state") and row.state is EscalationState.CLOSED:
        yield Story(WebhookEventType.HANDED_BACK, _escalation(connection, row))


def _has_changed(row: object, *names: str) -> bool:
    attributes = inspect(row).attrs
    return any(attributes[name].history.has_changes() for name in names)


def _complaint(connection: Connection, row: ComplaintEvent) -> Story:
    names = (Complaint.code, Complaint.customer_id, Complaint.category, Complaint.severity, Complaint.state)
    found = connection.execute(select(*names).where(Complaint.id == row.complaint_id)).one()
    opened = row.from_state is None and row.to_state == found.state and _is_first(connection, row)
    kind = WebhookEventType.COMPLAINT_OPENED if opened else WebhookEventType.COMPLAINT_CHANGED
    data = {
        "complaint_id": row.complaint_id,
        "code": found.code,
        "customer_id": found.customer_id,
        "category": found.category.value,
        "severity": found.severity.value,
        "from_state": row.from_state.value if row.from_state else None,
        "state": found.state.value,
        "change": row.kind.value,
    }
    return Story(kind, data)


def _is_first(connection: Connection, row: ComplaintEvent) -> bool:
    earlier = select(ComplaintEvent.id).where(ComplaintEvent.complaint_id == row.complaint_id)
    return connection.execute(earlier.where(ComplaintEvent.id < row.id).limit(1)).first() is None


def _rating(row: Rating) -> dict[str, Any]:
    names = ("customer_id", "complaint_id", "score")
    return {"rating_id": row.id, **{name: getattr(row, name) for name in names}, "has_reason": bool(row.reason)}


def _escalation(connection: Connection, row: Escalation) -> dict[str, Any]:
    customer = connection.execute(select(Conversation.customer_id).where(Conversation.id == row.conversation_id))
    more = {"conversation_id": row.conversation_id, "customer_id": customer.scalar_one()}
    return {"escalation_id": row.id, **more, "reason": row.reason.value}
