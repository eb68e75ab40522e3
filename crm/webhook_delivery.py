"""Deliveries of webhooks: claimed by one process at a time, tried for three days with growing waits."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, delete, exists, func, or_, select
from sqlalchemy.orm import Session, joinedload

from crm import clock, staff_notices, templates, webhooks_out
from crm.models.integration import WebhookDelivery, WebhookEndpoint, WebhookEvent, WebhookState
from crm.models.service import NoticeKind

# After each failed try the wait before the next: ten tries within three days, as Standard Webhooks advises.
WAITS = tuple(timedelta(seconds=s) for s in (10, 60, 300, 1800, 7200, 18000, 36000, 50400, 64800, 79200))
PATIENCE = timedelta(days=3)
CLAIM = timedelta(minutes=2)
EACH = 5  # at once to one endpoint, so that a slow one does not hold the others up
BATCH = 40
KEPT = timedelta(days=30)
GONE = 410


@dataclass(frozen=True)
class Attempt:
    """One try, as it is sent. `number` fences it: the outcome of a try that was overtaken is not written."""

    delivery_id: int
    number: int
    url: str
    secret: str
    key: str
    body: str


@dataclass(frozen=True)
class Outcome:
    """What came of a try. `status`: None where no answer came; `answer`: its beginning, or why none came."""

    status: int | None
    answer: str

    @property
    def good(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def claim(session: Session, moment: datetime) -> list[Attempt]:
    """Takes what is due. Whoever dies with it loses it after two minutes."""
    loaded = (joinedload(WebhookDelivery.event, innerjoin=True), joinedload(WebhookDelivery.endpoint, innerjoin=True))
    mine = (
        select(WebhookDelivery)
        .where(WebhookDelivery.id.in_(_due(moment)), *_free(moment))
        .options(*loaded)
        .order_by(WebhookDelivery.due_at, WebhookDelivery.id)
        .limit(BATCH)
        .with_for_update(of=WebhookDelivery, skip_locked=True)
    )
    deliveries = list(session.scalars(mine))
    for delivery in deliveries:
        delivery.claimed_until, delivery.attempts = moment + CLAIM, delivery.attempts + 1
    return [_attempt(delivery) for delivery in deliveries]


def _free(moment: datetime) -> tuple[ColumnElement[bool], ...]:
    unclaimed = or_(WebhookDelivery.claimed_until.is_(None), WebhookDelivery.claimed_until <= moment)
    return (WebhookDelivery.state == WebhookState.PENDING, WebhookDelivery.due_at <= moment, unclaimed)


def _due(moment: datetime) -> Select[int]:
    """Numbers of what is due, of each endpoint that is alive the first few."""
    of_endpoint = func.row_number().over(
        partition_by=WebhookDelivery.endpoint_id, order_by=(WebhookDelivery.due_at, WebhookDelivery.id)
    )
    alive = (WebhookEndpoint.disabled_at.is_(None), WebhookEndpoint.removed_at.is_(None))
    ranked = select(WebhookDelivery.id, of_endpoint.label("place")).join(WebhookDelivery.endpoint)
    due = ranked.where(*_free(moment), *alive).subquery()
    return select(due.c.id).where(due.c.place <= EACH)


def settle(session: Session, attempt: Attempt, outcome: Outcome) -> bool:
    """Writes what came of the try, and when the next one is due; False when another try has begun since."""
    wanted = select(WebhookDelivery).where(WebhookDelivery.id == attempt.delivery_id).with_for_update()
    delivery = session.scalar(wanted)
    if delivery is None or delivery.attempts != attempt.number or delivery.state is not WebhookState.PENDING:
        return False
    moment = clock.now()
    delivery.claimed_until, delivery.tried_at = None, moment
    delivery.status, delivery.answer = outcome.status, outcome.answer[:500]
    endpoint = session.get_one(WebhookEndpoint, delivery.endpoint_id, with_for_update=True)
    if outcome.good:
        delivery.state, endpoint.failing_since = WebhookState.DELIVERED, None
        return True
    _failed(session, delivery, endpoint, moment, gone=outcome.status == GONE)
    return True


def purge(session: Session, moment: datetime) -> int:
    """Forgets deliveries of a month ago, sent or not, and their events; how many deliveries."""
    old = select(WebhookDelivery.id).where(WebhookDelivery.first_due_at < moment - KEPT)
    ids = list(session.scalars(old.limit(500)))
    session.execute(delete(WebhookDelivery).where(WebhookDelivery.id.in_(ids)))
    told = exists().where(WebhookDelivery.event_id == WebhookEvent.id)
    session.execute(delete(WebhookEvent).where(WebhookEvent.at < moment - KEPT, ~told))
    return len(ids)


def any_due(session: Session, moment: datetime) -> bool:
    """Whether `claim` may find something; only looks."""
    return session.scalar(_due(moment).limit(1)) is not None


def _attempt(delivery: WebhookDelivery) -> Attempt:
    told, endpoint = delivery.event, delivery.endpoint
    body = {"type": told.type.value, "id": told.key, "timestamp": told.at.isoformat(), "data": told.data}
    return Attempt(
        delivery_id=delivery.id,
        number=delivery.attempts,
        url=endpoint.url,
        secret=webhooks_out.secret(endpoint),
        key=told.key,
        body=json.dumps(body, ensure_ascii=False, separators=(",", ":")),
    )


def _failed(
    session: Session, delivery: WebhookDelivery, endpoint: WebhookEndpoint, moment: datetime, *, gone: bool
) -> None:
    endpoint.failing_since = endpoint.failing_since or moment
    wait = WAITS[min(delivery.attempts, len(WAITS)) - 1]
    delivery.due_at = moment + wait
    if gone or delivery.due_at > delivery.first_due_at + PATIENCE:
        delivery.state = WebhookState.FAILED
    if endpoint.disabled_at is None and (gone or moment - endpoint.failing_since >= PATIENCE):
        endpoint.disabled_at, endpoint.disabled_reason = moment, "gone" if gone else "failing"
        _tell(session, endpoint)


def _tell(session: Session, endpoint: WebhookEndpoint) -> None:
    said = templates.for_staff("webhook_off", name=endpoint.name)
    key = f"webhook:{endpoint.id}:{int(clock.now().timestamp())}"
    people: Sequence[int] = staff_notices.managers(session)
    staff_notices.tell(
        session, people, NoticeKind.GENERAL, key=key, target=f"/integrations/webhooks/{endpoint.id}", text=said
    )
