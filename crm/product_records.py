"""Products as the shop's own system knows them, by sku."""

from dataclasses import dataclass

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from crm import catalogue, text
from crm.errors import InvalidInput
from crm.models.catalogue import Product
from crm.records import Outcome


@dataclass(frozen=True)
class ProductRecord:
    """One product. None: the other system says nothing of it. `price` in đồng."""

    sku: str
    name: str | None = None
    price: int | None = None
    category: str | None = None
    warranty_months: int | None = None
    in_stock: bool | None = None
    description: str | None = None
    aliases: list[str] | None = None


def upsert(session: Session, record: ProductRecord) -> tuple[Outcome, Product]:
    """Makes the product or brings it up to date. Raises InvalidInput: a new one without name or price."""
    try:
        with session.begin_nested():
            return _upsert(session, record)
    except IntegrityError:
        return _upsert(session, record)  # somebody else made it at the same moment


def _upsert(session: Session, record: ProductRecord) -> tuple[Outcome, Product]:
    product = catalogue.by_sku(session, record.sku)
    if product is None and (not record.name or record.price is None):
        raise InvalidInput("name" if not record.name else "price", "a new product needs name and price")
    created = product is None
    if product is None:
        product = Product(sku=record.sku, name="", name_folded="", price=0, warranty_months=0)
        session.add(product)
    given = {name: value for name, value in vars(record).items() if value is not None}
    changed = {name: value for name, value in given.items() if getattr(product, name) != value}
    for name, value in changed.items():
        setattr(product, name, value)
    product.name_folded = text.fold(product.name)
    session.flush()
    return (Outcome.CREATED if created else Outcome.UPDATED if changed else Outcome.UNCHANGED), product
