"""What became of a broadcast for each of its people, in pages and as a table to take away."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, select, true
from sqlalchemy.orm import Session

from crm import cells
from crm.campaign_recipients import STOPPED
from crm.models.campaigns import Campaign, CampaignRecipient, CampaignState
from crm.models.messaging import Outbox, OutboxState
from crm.models.people import Customer

PAGE = 50


class Unsent(StrEnum):
    """Where somebody stands for whom there is no message."""

    WAITING = "waiting"
    LEFT_OUT = "left_out"


Standing = OutboxState | Unsent


@dataclass(frozen=True)
class Delivery:
    """One person's. `at`: when it was sent or last tried; `version` of the text; `attempt`: the how-manieth message."""

    id: int
    customer_id: int | None
    name: str
    standing: Standing
    reason: str | None
    version: int | None
    attempt: int
    at: datetime | None


def page(
    session: Session, campaign: Campaign, standing: Standing | None = None, after: int = 0, limit: int = PAGE
) -> list[Delivery]:
    """The next `limit` people whose row comes behind number `after`, all or those with one standing."""
    rows = session.execute(
        select(CampaignRecipient, Customer.name, Outbox)
        .outerjoin(Customer, Customer.id == CampaignRecipient.customer_id)
        .outerjoin(Outbox, Outbox.id == CampaignRecipient.outbox_id)
        .where(CampaignRecipient.campaign_id == campaign.id, CampaignRecipient.id > after)
        .where(*_conditions(campaign, standing))
        .order_by(CampaignRecipient.id)
        .limit(limit)
    )
    return [_delivery(campaign, recipient, name or "", message) for recipient, name, message in rows]


def table(
    pages: Callable[[int], Sequence[Delivery]], head: Sequence[str], words: Callable[[Delivery], list[str]]
) -> Iterator[str]:
    """A CSV file in pieces, as Excel reads it; no cell is taken for a formula.

    Args:
        pages: the deliveries behind a row's number; an empty page ends it.
        head: names of the columns.
        words: the cells of one delivery.
    """
    yield cells.BYTE_ORDER_MARK + cells.lines([head])
    after = 0
    while found := pages(after):
        yield cells.lines([words(each) for each in found])
        after = found[-1].id


def _conditions(campaign: Campaign, standing: Standing | None) -> tuple[ColumnElement[bool], ...]:
    unqueued = CampaignRecipient.outbox_id.is_(None)
    stopped = campaign.state is CampaignState.CANCELLED
    match standing:
        case None:
            return (true(),)
        case Unsent.WAITING:
            return (unqueued, CampaignRecipient.reason.is_(None), CampaignRecipient.id.in_([]) if stopped else true())
        case Unsent.LEFT_OUT:
            return (unqueued, true() if stopped else CampaignRecipient.reason.is_not(None))
        case _:
            return (Outbox.state == standing,)


def _delivery(campaign: Campaign, recipient: CampaignRecipient, name: str, message: Outbox | None) -> Delivery:
    standing: Standing
    if message is not None:
        standing, reason, at = message.state, message.reason, message.sent_at or message.sending_at
    else:
        reason, at = recipient.reason, None
        if reason is None and campaign.state is CampaignState.CANCELLED:
            reason = STOPPED
        standing = Unsent.WAITING if reason is None else Unsent.LEFT_OUT
    more = (recipient.version, recipient.attempt, at)
    return Delivery(recipient.id, recipient.customer_id, name, standing, reason, *more)
