"""Webhooks: where events go, their secrets, their log, a try, and sending again."""

import base64
import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from crm import audit, clock, webhook_events
from crm.errors import IllegalTransition, InvalidInput, NotFound
from crm.models.integration import WebhookDelivery, WebhookEndpoint, WebhookEventType, WebhookState
from crm.models.staff import Staff
from crm.settings import settings
from crm.webhook_events import Story

SUBSCRIBABLE = tuple(each for each in WebhookEventType if each is not WebhookEventType.TEST)


def add(
    session: Session, staff: Staff | None, name: str, url: str, events: Collection[WebhookEventType]
) -> WebhookEndpoint:
    """Makes an endpoint. Raises InvalidInput: name, url, or no event chosen."""
    if not 1 <= len(name.strip()) <= 100:
        raise InvalidInput("webhook_name", "say in 1 to 100 characters whose it is")
    if not events or not set(events) <= set(SUBSCRIBABLE):
        raise InvalidInput("events", "choose at least one")
    endpoint = WebhookEndpoint(
        name=name.strip(),
        url=checked_url(url),
        events=sorted(each.value for each in events),
        created_by=staff.id if staff else None,
        created_at=clock.now(),
    )
    session.add(endpoint)
    session.flush()
    audit.record(session, staff, "webhook_add", "webhook", endpoint.id, host=urlsplit(endpoint.url).hostname)
    return endpoint


def checked_url(url: str) -> str:
    """The address, if a webhook may go there as far as its words tell; what it resolves to is checked at each sending.

    Raises InvalidInput: not https, with a password in it, or an address of a private network.
    """
    url = url.strip()
    private = settings().webhook_private_addresses
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise InvalidInput("url", "not an address") from error
    schemes = ("https", "http") if private else ("https",)
    if len(url) > 500 or parts.scheme not in schemes or not host or parts.username or parts.fragment:
        raise InvalidInput("url", f"write it as {schemes[0]}://host/path, without user and password")
    if not private and not _may_be_public(host):
        raise InvalidInput("url", "it lies in a private network; TRIAN_WEBHOOK_PRIVATE_ADDRESSES would allow it")
    return url


def _may_be_public(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return host != "localhost" and "." in host and not host.endswith((".localhost", ".local", ".internal"))


def secret(endpoint: WebhookEndpoint) -> str:
    """What its signatures are made with, in the shape of Standard Webhooks. It is stored nowhere."""
    derived = settings().derived_secret(f"webhook {endpoint.id} {endpoint.secret_version}")
    return "whsec_" + base64.b64encode(bytes.fromhex(derived)).decode()


def get(session: Session, endpoint_id: int, *, lock: bool = False) -> WebhookEndpoint:
    """The endpoint; raises NotFound."""
    endpoint = session.get(WebhookEndpoint, endpoint_id, with_for_update=lock or None)
    if endpoint is None or endpoint.removed_at is not None:
        raise NotFound(f"webhook {endpoint_id}")
    return endpoint


def listing(session: Session) -> list[WebhookEndpoint]:
    """Every endpoint, the oldest first."""
    present = select(WebhookEndpoint).where(WebhookEndpoint.removed_at.is_(None))
    return list(session.scalars(present.order_by(WebhookEndpoint.id)))


def enable(session: Session, staff: Staff, endpoint_id: int) -> None:
    """Sends to it again: what happens from now on, and what waits."""
    endpoint = get(session, endpoint_id, lock=True)
    endpoint.disabled_at = endpoint.disabled_reason = endpoint.failing_since = None
    audit.record(session, staff, "webhook_enable", "webhook", endpoint_id)


def disable(session: Session, staff: Staff, endpoint_id: int) -> None:
    """Sends nothing to it until it is enabled; what happens meanwhile is not told."""
    endpoint = get(session, endpoint_id, lock=True)
    endpoint.disabled_at = endpoint.disabled_at or clock.now()
    audit.record(session, staff, "webhook_disable", "webhook", endpoint_id)


def remove(session: Session, staff: Staff, endpoint_id: int) -> None:
    """Takes it away for good; its log stays until it is old."""
    endpoint = get(session, endpoint_id, lock=True)
    endpoint.removed_at = clock.now()
    audit.record(session, staff, "webhook_remove", "webhook", endpoint_id)


def change_secret(session: Session, staff: Staff, endpoint_id: int) -> WebhookEndpoint:
    """Gives it a new secret; signatures are made with it from now on."""
    endpoint = get(session, endpoint_id, lock=True)
    endpoint.secret_version += 1
    audit.record(session, staff, "webhook_secret", "webhook", endpoint_id)
    return endpoint


def test(session: Session, staff: Staff, endpoint_id: int) -> None:
    """Sends it an event of the type `test`; the log shows within seconds what came of it."""
    endpoint = get(session, endpoint_id)
    if endpoint.disabled_at is not None:
        raise IllegalTransition(f"webhook {endpoint_id} is disabled")
    story = Story(WebhookEventType.TEST, {"webhook_id": endpoint_id})
    webhook_events.write(session.connection(), story, [endpoint_id])
    audit.record(session, staff, "webhook_test", "webhook", endpoint_id)


def replay(session: Session, staff: Staff, delivery_id: int) -> None:
    """Sends a delivery that is over once more, under the same event's key. Raises NotFound, IllegalTransition."""
    delivery = session.scalar(select(WebhookDelivery).where(WebhookDelivery.id == delivery_id).with_for_update())
    if delivery is None:
        raise NotFound(f"delivery {delivery_id}")
    if delivery.state is WebhookState.PENDING:
        raise IllegalTransition(f"delivery {delivery_id} is on its way")
    moment = clock.now()
    delivery.state, delivery.attempts, delivery.claimed_until = WebhookState.PENDING, 0, None
    delivery.first_due_at = delivery.due_at = moment
    audit.record(session, staff, "webhook_replay", "webhook", delivery.endpoint_id, delivery=delivery_id)


def log(session: Session, endpoint_id: int, before: int = 0, limit: int = 50) -> list[WebhookDelivery]:
    """Its deliveries with their events, the newest first; `before`: those whose number is lower."""
    mine = select(WebhookDelivery).where(WebhookDelivery.endpoint_id == endpoint_id)
    if before:
        mine = mine.where(WebhookDelivery.id < before)
    loaded = mine.options(joinedload(WebhookDelivery.event))
    return list(session.scalars(loaded.order_by(WebhookDelivery.id.desc()).limit(limit)))
