"""Rows page by page along their number, for whoever reads all of them: no page costs more than another."""

from typing import Any, TypeVar

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from crm import customers as customer_rules
from crm import text
from crm.models.care import Complaint, ComplaintState, Rating
from crm.models.catalogue import Product, Purchase, PurchaseItem
from crm.models.conversations import Conversation, Message
from crm.models.people import Customer

T = TypeVar("T")


def customers(session: Session, after: int, limit: int, *, phone: str = "", external_id: str = "") -> list[Customer]:
    """Customers whose number is above `after`. The key of one who was merged away finds whom they were merged into."""
    wanted = select(Customer).where(Customer.gone_at.is_(None))
    if phone:
        wanted = wanted.where(Customer.phone == phone)
    if external_id:
        kept = customer_rules.merged_keys(session, [external_id]).values()
        wanted = wanted.where(or_(Customer.external_id == external_id, Customer.id.in_(kept)))
    return _behind(session, wanted, Customer.id, after, limit)


def purchases(session: Session, after: int, limit: int, *, customer_id: int | None = None) -> list[Purchase]:
    """Orders with their lines and products."""
    loaded = select(Purchase).options(selectinload(Purchase.items).joinedload(PurchaseItem.product))
    wanted = loaded if customer_id is None else loaded.where(Purchase.customer_id == customer_id)
    return _behind(session, wanted, Purchase.id, after, limit)


def purchases_with_customers(session: Session, after: int, limit: int) -> list[tuple[Purchase, str | None, str | None]]:
    """Orders as `purchases` gives them, each with its customer's key and phone."""
    loaded = (
        select(Purchase, Customer.external_id, Customer.phone)
        .join(Customer, Customer.id == Purchase.customer_id)
        .options(selectinload(Purchase.items).joinedload(PurchaseItem.product))
    )
    rows = session.execute(loaded.where(Purchase.id > after).order_by(Purchase.id).limit(limit))
    return [(purchase, code, phone) for purchase, code, phone in rows]


def products(session: Session, after: int, limit: int, *, name: str = "") -> list[Product]:
    """Products, of all names or of those that hold `name`, accents aside."""
    wanted = select(Product)
    if name:
        wanted = wanted.where(Product.name_folded.contains(text.fold(name), autoescape=True))
    return _behind(session, wanted, Product.id, after, limit)


def complaints(
    session: Session, after: int, limit: int, *, state: ComplaintState | None = None, customer_id: int | None = None
) -> list[Complaint]:
    """Complaints, of all states and customers or of one."""
    wanted = select(Complaint)
    if state is not None:
        wanted = wanted.where(Complaint.state == state)
    if customer_id is not None:
        wanted = wanted.where(Complaint.customer_id == customer_id)
    return _behind(session, wanted, Complaint.id, after, limit)


def conversations(session: Session, after: int, limit: int, *, customer_id: int | None = None) -> list[Conversation]:
    """Conversations with their account."""
    wanted = select(Conversation).options(joinedload(Conversation.account))
    if customer_id is not None:
        wanted = wanted.where(Conversation.customer_id == customer_id)
    return _behind(session, wanted, Conversation.id, after, limit)


def messages(session: Session, conversation_id: int, after: int, limit: int) -> list[Message]:
    """The messages of a conversation, oldest first."""
    wanted = select(Message).where(Message.conversation_id == conversation_id)
    return _behind(session, wanted, Message.id, after, limit)


def ratings(session: Session, after: int, limit: int, *, customer_id: int | None = None) -> list[Rating]:
    """Ratings, of everybody or of one customer."""
    wanted = select(Rating)
    if customer_id is not None:
        wanted = wanted.where(Rating.customer_id == customer_id)
    return _behind(session, wanted, Rating.id, after, limit)


def _behind(session: Session, wanted: Select[T], key: Any, after: int, limit: int) -> list[T]:
    return list(session.scalars(wanted.where(key > after).order_by(key).limit(limit)))
