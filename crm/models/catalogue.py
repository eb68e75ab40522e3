"""What the shop sells and what customers bought."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from crm.models.base import Base, WithId, by_value


class Product(WithId, Base):
    """`price` is in đồng; `warranty_months` counts from the purchase; `aliases` are names customers use."""

    __tablename__ = "products"
    sku: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    name_folded: Mapped[str] = mapped_column(String(200), index=True)
    aliases: Mapped[list[Any]] = mapped_column(default=list)
    category: Mapped[str] = mapped_column(String(64), default="")
    price: Mapped[int] = mapped_column(BigInteger)
    warranty_months: Mapped[int]
    in_stock: Mapped[bool] = mapped_column(default=True)
    description: Mapped[str] = mapped_column(Text, default="")
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)


class PurchaseStatus(StrEnum):
    PROCESSING = "processing"
    SHIPPING = "shipping"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"


class Purchase(WithId, Base):
    """One order. `external_id` is the shop system's own key, so that a repeated push changes nothing."""

    __tablename__ = "purchases"
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    order_code: Mapped[str] = mapped_column(String(32), unique=True)
    external_id: Mapped[str | None] = mapped_column(String(64), unique=True)
    status: Mapped[PurchaseStatus] = mapped_column(by_value(PurchaseStatus))
    purchased_at: Mapped[datetime]
    items: Mapped[list["PurchaseItem"]] = relationship(back_populates="purchase", order_by="PurchaseItem.id")


class PurchaseItem(WithId, Base):
    __tablename__ = "purchase_items"
    purchase_id: Mapped[int] = mapped_column(ForeignKey("purchases.id"), index=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"))
    quantity: Mapped[int] = mapped_column(default=1)
    unit_price: Mapped[int] = mapped_column(BigInteger)
    serial: Mapped[str | None] = mapped_column(String(64))
    purchase: Mapped[Purchase] = relationship(back_populates="items")
    product: Mapped[Product] = relationship()


class KnowledgeFeedbackKind(StrEnum):
    UNANSWERED = "unanswered"
    NOT_HELPFUL = "not_helpful"
    HELPFUL = "helpful"


class KnowledgeFeedback(WithId, Base):
    """A question no article answered, or what the customer said of the answer. `article` is the passage's key.

    `sources`: the passages that were found for the question, best first, as [key, score between 0 and 1].
    """

    __tablename__ = "knowledge_feedback"
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"), index=True)
    kind: Mapped[KnowledgeFeedbackKind] = mapped_column(by_value(KnowledgeFeedbackKind))
    question: Mapped[str] = mapped_column(Text)
    article: Mapped[str | None] = mapped_column(String(200))
    sources: Mapped[list[Any] | None]
    at: Mapped[datetime] = mapped_column(index=True)
