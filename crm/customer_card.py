"""Everything about one customer that staff want beside a conversation, in a handful of queries."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from crm import complaints, customers, text, threads
from crm.models.care import Complaint, Rating
from crm.models.catalogue import Purchase, PurchaseItem
from crm.models.people import Consent, Customer, Occasion, Purpose

RECENT = 5


@dataclass(frozen=True)
class ConsentState:
    """What the newest line of the ledger says for one purpose; `at` is None when nobody ever asked."""

    purpose: Purpose
    granted: bool
    at: datetime | None


@dataclass(frozen=True)
class Card:
    customer: Customer
    conversation_id: int | None
    birthday: Occasion | None
    consents: list[ConsentState]
    purchases: list[Purchase]
    open_complaints: list[Complaint]
    past_complaints: int
    ratings: list[Rating]


def card(session: Session, customer_id: int) -> Card:
    """The customer's card; raises NotFound."""
    customer = customers.get(session, customer_id)
    every = complaints.of_customer(session, customer_id)
    waiting = [complaint for complaint in every if complaint.state in complaints.OPEN_STATES]
    ratings = select(Rating).where(Rating.customer_id == customer_id).order_by(Rating.id.desc()).limit(RECENT)
    return Card(
        customer=customer,
        conversation_id=threads.of_customer(session, customer_id),
        birthday=session.scalar(select(Occasion).where(Occasion.customer_id == customer_id).limit(1)),
        consents=[_consent(session, customer_id, purpose) for purpose in (Purpose.GREETINGS, Purpose.MARKETING)],
        purchases=_purchases(session, customer_id),
        open_complaints=waiting,
        past_complaints=len(every) - len(waiting),
        ratings=list(session.scalars(ratings)),
    )


def search(session: Session, words: str, limit: int = 50) -> list[Customer]:
    """Customers whose name holds all of `words`, accents or none, or whose phone begins so; by name."""
    wanted = select(Customer).order_by(Customer.name_folded, Customer.id).limit(limit)
    folded = text.fold(words)
    digits = folded.replace(" ", "").replace(".", "")
    if digits.isdigit():
        return list(session.scalars(wanted.where(Customer.phone.startswith(digits, autoescape=True))))
    for word in folded.split():
        wanted = wanted.where(Customer.name_folded.contains(word, autoescape=True))
    return list(session.scalars(wanted))


def _consent(session: Session, customer_id: int, purpose: Purpose) -> ConsentState:
    mine = select(Consent).where(Consent.customer_id == customer_id, Consent.purpose == purpose)
    latest = session.scalar(mine.order_by(Consent.id.desc()).limit(1))
    return ConsentState(purpose, latest.granted if latest else False, latest.at if latest else None)


def _purchases(session: Session, customer_id: int) -> list[Purchase]:
    mine = select(Purchase).where(Purchase.customer_id == customer_id)
    items = selectinload(Purchase.items).joinedload(PurchaseItem.product)
    return list(session.scalars(mine.options(items).order_by(Purchase.purchased_at.desc()).limit(RECENT)))
