"""What a customer bought, and until when it is under warranty."""

import calendar
import re
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from crm import clock
from crm.models.catalogue import Product, Purchase, PurchaseItem, PurchaseStatus
from crm.settings import settings


def of_customer(session: Session, customer_id: int, limit: int = 20) -> list[Purchase]:
    """The customer's orders with their products, newest first."""
    mine = select(Purchase).where(Purchase.customer_id == customer_id)
    loaded = mine.options(selectinload(Purchase.items).joinedload(PurchaseItem.product))
    return list(session.scalars(loaded.order_by(Purchase.purchased_at.desc(), Purchase.id.desc()).limit(limit)))


def find(session: Session, customer_id: int, order_code: str) -> Purchase | None:
    """The customer's own order by its code as they type it (`dh 000123`). Somebody else's is not found."""
    code = re.sub(r"[^A-Z0-9]", "", order_code.upper())
    mine = select(Purchase).where(Purchase.customer_id == customer_id, Purchase.order_code == code)
    return session.scalar(mine)


def items(session: Session, customer_id: int, product: Product | None = None) -> list[PurchaseItem]:
    """What the customer bought and kept, newest first: of `product`, or of everything."""
    kept = [p for p in of_customer(session, customer_id) if p.status is not PurchaseStatus.CANCELLED]
    return [item for p in kept for item in p.items if product is None or item.product_id == product.id]


def bought_on(purchase: Purchase) -> date:
    """The local day of the purchase."""
    return clock.local(purchase.purchased_at, settings().zone).date()


def warranty_until(item: PurchaseItem) -> date:
    """The last local day of the warranty, counted in whole months from the purchase."""
    bought = bought_on(item.purchase)
    months = bought.month - 1 + item.product.warranty_months
    year, month = bought.year + months // 12, months % 12 + 1
    return date(year, month, min(bought.day, calendar.monthrange(year, month)[1]))
