"""Everything about one customer that staff want beside a conversation, in a handful of queries."""

from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from crm import (
    clock,
    complaints,
    customer_contact,
    customer_edits,
    customer_list,
    customers,
    duplicates,
    merges,
    service_levels,
    threads,
)
from crm.models.care import Complaint, Rating
from crm.models.catalogue import Product, Purchase, PurchaseItem, PurchaseStatus
from crm.models.conversations import Conversation
from crm.models.messaging import Outbox, OutboxKind, OutboxState
from crm.models.people import ChannelAccount, Consent, Customer, Occasion, Purpose
from crm.models.privacy import CustomerEdit, CustomerMerge, DuplicatePair, PrivacyRequest
from crm.models.service import Promise, PromiseState
from crm.personal_data_requests import OPEN
from crm.service_clocks import ClockView
from crm.settings import settings

RECENT = 5
MOST_BOUGHT = 30  # of the newest orders their warranties are looked at


@dataclass(frozen=True)
class ConsentState:
    """What the newest line of the ledger says for one purpose; `at` is None when nobody ever asked."""

    purpose: Purpose
    granted: bool
    at: datetime | None


@dataclass(frozen=True)
class Warranty:
    """One thing that was bought, and the last local day of its warranty."""

    product: Product
    serial: str
    until: date
    days_left: int


@dataclass(frozen=True)
class Chat:
    """One chat account of the person, with the number of its conversation."""

    account: ChannelAccount
    conversation_id: int | None


@dataclass(frozen=True)
class Card:
    """`carers`: staff who see phone and e-mail in full. `advertised`: what marketing last sent, and when."""

    customer: Customer
    conversation_id: int | None
    birthday: Occasion | None
    consents: list[ConsentState]
    purchases: list[Purchase]
    open_complaints: list[Complaint]
    past_complaints: int
    ratings: list[Rating]
    chats: list[Chat] = field(default_factory=list)
    warranties: list[Warranty] = field(default_factory=list)
    clocks: dict[int, list[ClockView]] = field(default_factory=dict)
    promises: list[Promise] = field(default_factory=list)
    advertised: tuple[str, datetime] | None = None
    carers: frozenset[int] = frozenset()
    last_edit: CustomerEdit | None = None
    merge: CustomerMerge | None = None
    alike: list[DuplicatePair] = field(default_factory=list)
    requests: list[PrivacyRequest] = field(default_factory=list)


def card(session: Session, customer_id: int) -> Card:
    """The customer's card; that of the record they were merged into, where they were. Raises NotFound.

    Of somebody who was erased it is the empty record, with the orders that the shop must keep.
    """
    customer = customers.current(session, customer_id)
    customer_id = customer.id
    every = complaints.of_customer(session, customer_id)
    waiting = [complaint for complaint in every if complaint.state in complaints.OPEN_STATES]
    past = [complaint for complaint in every if complaint not in waiting and complaint.merged_into_id is None]
    ratings = select(Rating).where(Rating.customer_id == customer_id).order_by(Rating.id.desc()).limit(RECENT)
    bought = _purchases(session, customer_id)
    return Card(
        customer=customer,
        conversation_id=threads.of_customer(session, customer_id),
        birthday=customers.birthday_of(session, customer_id),
        consents=[_consent(session, customer_id, purpose) for purpose in (Purpose.GREETINGS, Purpose.MARKETING)],
        purchases=bought[:RECENT],
        open_complaints=waiting,
        past_complaints=len(past),
        ratings=list(session.scalars(ratings)),
        chats=_chats(session, customer_id),
        warranties=_warranties(bought),
        clocks=service_levels.clocks_of_cases(session, [complaint.id for complaint in waiting]),
        promises=_promises(session, customer_id),
        advertised=_advertised(session, customer_id),
        carers=frozenset(customer_contact.carers(session, customer_id)),
        last_edit=customer_edits.latest(session, customer_id),
        merge=merges.latest(session, customer_id),
        alike=duplicates.of_customer(session, customer_id),
        requests=_requests(session, customer_id),
    )


def search(session: Session, words: str, limit: int = 50, *, begun_numbers: bool = False) -> list[Customer]:
    """Customers whose name holds all of `words`, accents or none, or whose phone it is (or begins so); by name."""
    wanted = customer_list.Filter(words=words, begun_numbers=begun_numbers)
    return customer_list.page(session, wanted, limit=limit).rows


def _consent(session: Session, customer_id: int, purpose: Purpose) -> ConsentState:
    mine = select(Consent).where(Consent.customer_id == customer_id, Consent.purpose == purpose)
    latest = session.scalar(mine.order_by(Consent.id.desc()).limit(1))
    return ConsentState(purpose, latest.granted if latest else False, latest.at if latest else None)


def _purchases(session: Session, customer_id: int) -> list[Purchase]:
    mine = select(Purchase).where(Purchase.customer_id == customer_id)
    items = selectinload(Purchase.items).joinedload(PurchaseItem.product)
    return list(session.scalars(mine.options(items).order_by(Purchase.purchased_at.desc()).limit(MOST_BOUGHT)))


def _warranties(bought: list[Purchase]) -> list[Warranty]:
    """What is still covered, what runs out first on top."""
    today = clock.local(clock.now(), settings().zone).date()
    covered = []
    for purchase in bought:
        if purchase.status is PurchaseStatus.DELIVERED:
            for item in purchase.items:
                until = _months_after(clock.local(purchase.purchased_at, settings().zone).date(), item.product)
                if until >= today:
                    covered.append(Warranty(item.product, item.serial or "", until, (until - today).days))
    return sorted(covered, key=lambda each: each.until)


def _months_after(day: date, product: Product) -> date:
    months = day.month - 1 + product.warranty_months
    year, month = day.year + months // 12, months % 12 + 1
    longest = (date(year + month // 12, month % 12 + 1, 1) - date(year, month, 1)).days
    return date(year, month, min(day.day, longest))


def _chats(session: Session, customer_id: int) -> list[Chat]:
    mine = select(ChannelAccount, Conversation.id).outerjoin(Conversation, Conversation.account_id == ChannelAccount.id)
    rows = session.execute(mine.where(ChannelAccount.customer_id == customer_id).order_by(ChannelAccount.id))
    return [Chat(account, number) for account, number in rows]


def _promises(session: Session, customer_id: int) -> list[Promise]:
    mine = select(Promise).where(Promise.customer_id == customer_id, Promise.state == PromiseState.OPEN)
    return list(session.scalars(mine.order_by(Promise.due_at).limit(RECENT)))


def _advertised(session: Session, customer_id: int) -> tuple[str, datetime] | None:
    theirs = select(ChannelAccount.id).where(ChannelAccount.customer_id == customer_id)
    sent = (Outbox.state == OutboxState.SENT, Outbox.kind == OutboxKind.MARKETING, Outbox.sent_at.is_not(None))
    newest = select(Outbox).where(Outbox.account_id.in_(theirs), *sent).order_by(Outbox.sent_at.desc()).limit(1)
    row = session.scalar(newest)
    return (str(row.body.get("text", "")), row.sent_at) if row is not None and row.sent_at is not None else None


def _requests(session: Session, customer_id: int) -> list[PrivacyRequest]:
    mine = select(PrivacyRequest).where(PrivacyRequest.customer_id == customer_id, PrivacyRequest.state.in_(OPEN))
    return list(session.scalars(mine.order_by(PrivacyRequest.due_at)))
