from datetime import UTC, date, datetime

from sqlalchemy.orm import Session

from crm import catalogue, purchases
from crm.models.catalogue import Product, Purchase, PurchaseItem, PurchaseStatus
from crm.models.people import Customer


def _product(session: Session, sku: str, name: str, aliases: list[str], months: int = 12) -> Product:
    product = Product(
        sku=sku, name=name, name_folded=name.lower(), aliases=aliases, price=1_000_000, warranty_months=months
    )
    session.add(product)
    session.flush()
    return product


def _bought(session: Session, product: Product, code: str, at: datetime) -> PurchaseItem:
    customer = Customer(name="Hạnh", name_folded="hanh", created_at=at)
    session.add(customer)
    session.flush()
    order = Purchase(customer_id=customer.id, order_code=code, status=PurchaseStatus.DELIVERED, purchased_at=at)
    session.add(order)
    session.flush()
    item = PurchaseItem(purchase=order, product=product, unit_price=1)
    session.add(item)
    session.flush()
    return item


def test_products_are_found_by_any_name_and_the_longer_name_wins(session: Session) -> None:
    quat = _product(session, "Q1", "Quạt đứng", ["quạt", "quạt máy"])
    lanh = _product(session, "Q2", "Quạt điều hoà", ["quạt điều hoà", "quat dieu hoa"])
    assert catalogue.mentioned(session, "cai quat dieu hoa nha minh") == [lanh]
    assert catalogue.mentioned(session, "quạt máy kêu to") == [quat]
    assert catalogue.mentioned(session, "xin chào") == []


def test_one_name_for_two_products_gives_both(session: Session) -> None:
    first = _product(session, "N1", "Nồi A", ["nồi cơm"])
    second = _product(session, "N2", "Nồi B", ["nồi cơm"])
    assert catalogue.mentioned(session, "noi com") == [first, second]


def test_the_warranty_ends_on_the_same_day_or_the_months_last(session: Session) -> None:
    product = _product(session, "M1", "Máy giặt", [], months=18)
    item = _bought(session, product, "DH000901", datetime(2025, 8, 30, 20, 0, tzinfo=UTC))
    assert purchases.bought_on(item.purchase) == date(2025, 8, 31)
    assert purchases.warranty_until(item) == date(2027, 2, 28)


def test_an_order_is_found_as_typed_and_only_by_its_owner(session: Session) -> None:
    product = _product(session, "M1", "Máy giặt", [])
    item = _bought(session, product, "DH000902", datetime(2026, 1, 1, tzinfo=UTC))
    owner = item.purchase.customer_id
    assert purchases.find(session, owner, "dh 000902") == item.purchase
    assert purchases.find(session, owner + 1, "DH000902") is None
    assert [i.id for i in purchases.items(session, owner, product)] == [item.id]
