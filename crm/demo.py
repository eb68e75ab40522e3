"""The demo shop of `data/demo/`: staff, products and customers with a past, for a database that is empty."""

from datetime import datetime, timedelta
from typing import Any

import yaml
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import canned, clock, complaints, consents, customers, demo_service, partners, promises, staff, text
from crm.models.care import Complaint, ComplaintCategory, ComplaintEvent, ComplaintState, Rating, Severity
from crm.models.cases import PartnerKind
from crm.models.catalogue import Product, Purchase, PurchaseItem, PurchaseStatus
from crm.models.conversations import Conversation
from crm.models.people import Address, CalendarKind, ChannelAccount, Customer, CustomerKind, Purpose, Stage, Tier
from crm.models.staff import Role, Staff
from crm.settings import settings
from crm.shop import shop

Entry = dict[str, Any]
_PRODUCT_COLUMNS = frozenset(
    {"sku", "name", "aliases", "category", "price", "warranty_months", "in_stock", "description"}
)
# The demo files speak of more kinds and other grades than the complaint desk does.
_CATEGORY = {"warranty_service": ComplaintCategory.WARRANTY, "installation": ComplaintCategory.OTHER}
_SEVERITY = {"medium": Severity.NORMAL}


def load(session: Session) -> bool:
    """Fills an empty database; False, and nothing done, when it holds staff, products or customers already."""
    if any(session.scalar(select(table.id).limit(1)) is not None for table in (Staff, Product, Customer)):
        return False
    people = [_staff(session, entry) for entry in _read("staff")]
    keeper = next(person for person in people if person.role in canned.KEEPERS)
    for entry in _read("canned"):
        canned.save(session, keeper, entry["title"], entry["text"], shared=True)
    for entry in _read("partners"):
        details = {**entry, "kind": PartnerKind(entry["kind"])}
        partners.save(session, keeper, partners.Details(**details))
    products = {entry["sku"]: _product(session, entry) for entry in _read("products")}
    session.flush()
    for entry in _read("customers"):
        _customer(session, entry, products, people[0])
    session.flush()
    return True


def _read(name: str) -> list[Entry]:
    loaded: list[Entry] = yaml.safe_load((settings().data_dir / "demo" / f"{name}.yml").read_text(encoding="utf-8"))
    return loaded


def _staff(session: Session, entry: Entry) -> Staff:
    return staff.add(session, entry["username"], entry["name"], Role(entry["role"]), entry["password"])


def _product(session: Session, entry: Entry) -> Product:
    details = {key: value for key, value in entry.items() if key not in _PRODUCT_COLUMNS}
    columns = {key: value for key, value in entry.items() if key in _PRODUCT_COLUMNS}
    product = Product(**columns, name_folded=text.fold(entry["name"]), details=details)
    session.add(product)
    return product


def _customer(session: Session, entry: Entry, products: dict[str, Product], agent: Staff) -> None:
    customer = Customer(
        kind=CustomerKind(entry["kind"]),
        stage=Stage(entry["stage"]),
        address=Address(entry["form_of_address"]),
        tier=Tier(entry["tier"]),
        occupation=entry.get("occupation"),
        household=entry.get("household"),
        habits=entry.get("habits"),
        created_at=_ago(max([1, *(each["days_ago"] for each in entry.get("purchases") or ())])),
    )
    customers.rename(customer, entry["name"])
    customers.set_phone(customer, entry["phone"])
    session.add(customer)
    session.flush()
    _birthday(session, customer, entry.get("birthday"))
    _consents(session, customer, entry.get("consents") or ())
    conversation = _chat(session, customer, entry.get("telegram"))
    if conversation is not None and entry.get("waiting"):
        demo_service.wait_for_staff(session, conversation, entry["waiting"])
    orders = {each["order_code"]: _purchase(session, customer, each, products) for each in entry.get("purchases") or ()}
    filed = {
        each.get("order_code"): _complaint(session, customer, conversation, each, orders, products, agent)
        for each in entry.get("complaints") or ()
    }
    for each in entry.get("ratings") or ():
        about = filed.get(each.get("order_code")) if each["about"] == "complaint" else None
        _rating(session, customer, each, about)


def _birthday(session: Session, customer: Customer, entry: Entry | None) -> None:
    if not entry:
        return
    calendar = CalendarKind(entry["calendar"])
    occasion = customers.set_birthday(session, customer, calendar, entry["day"], entry["month"], entry.get("year"))
    occasion.leap_month = bool(entry.get("leap_month", False))


def _consents(session: Session, customer: Customer, agreed: Any) -> None:
    for purpose in (Purpose.GREETINGS, Purpose.MARKETING):  # "care" is SERVICE, which needs no consent
        if purpose.value in agreed:
            consents.record(session, customer.id, purpose, granted=True, channel="demo", evidence="demo data")


def _chat(session: Session, customer: Customer, entry: Entry | None) -> Conversation | None:
    """The customer's chat in the simulator. Never under a real token: those numbers belong to real people there."""
    if not entry or not settings().simulated:
        return None
    account = ChannelAccount(
        customer_id=customer.id,
        channel=customers.TELEGRAM,
        bot_id=settings().bot_id,
        chat_id=entry["chat_id"],
        username=entry.get("username"),
        created_at=clock.now(),
    )
    conversation = Conversation(account=account, customer_id=customer.id, created_at=clock.now())
    session.add(conversation)
    session.flush()
    return conversation


def _purchase(session: Session, customer: Customer, entry: Entry, products: dict[str, Product]) -> Purchase:
    purchase = Purchase(
        customer_id=customer.id,
        order_code=entry["order_code"],
        external_id=entry.get("external_id"),
        status=PurchaseStatus(entry["status"]),
        purchased_at=_ago(entry["days_ago"]),
        items=[
            PurchaseItem(
                product_id=products[item["sku"]].id,
                quantity=item["quantity"],
                unit_price=item["unit_price"],
                serial=item.get("serial"),
            )
            for item in entry["items"]
        ],
    )
    session.add(purchase)
    session.flush()
    return purchase


def _complaint(
    session: Session,
    customer: Customer,
    conversation: Conversation | None,
    entry: Entry,
    orders: dict[str, Purchase],
    products: dict[str, Product],
    agent: Staff,
) -> Complaint:
    order, product = orders.get(entry.get("order_code", "")), products.get(entry.get("sku") or "")
    report = complaints.Report(
        description=entry["description"],
        category=_CATEGORY.get(entry["category"]) or ComplaintCategory(entry["category"]),
        severity=_SEVERITY.get(entry["severity"]) or Severity(entry["severity"]),
        product_id=product.id if product else None,
        purchase_id=order.id if order else None,
    )
    complaint = complaints.submit(session, customer, conversation, report)
    _into_the_past(complaint, entry, agent)
    demo_service.backdate(session, complaint)
    return complaint


def _into_the_past(complaint: Complaint, entry: Entry, agent: Staff) -> None:
    """Moves a new complaint to its day and state, without the messages that moving it today would send."""
    filed, state = _ago(entry["days_ago"]), ComplaintState(entry["state"])
    complaint.created_at = complaint.events[0].at = filed
    complaint.promised_at = promises.answer_by(filed, complaint.severity, settings().zone, shop())
    if state is ComplaintState.NEW:
        return
    taken = min(filed + timedelta(hours=1), clock.now())
    complaint.state, complaint.owner_id = state, agent.id
    steps = [(ComplaintState.NEW, ComplaintState.IN_PROGRESS, taken)]
    if state is ComplaintState.RESOLVED:
        complaint.resolution = entry["resolution"]
        complaint.resolved_at = min(complaint.promised_at, clock.now())
        steps.append((ComplaintState.IN_PROGRESS, state, complaint.resolved_at))
    for before, after, at in steps:
        complaint.events.append(ComplaintEvent(from_state=before, to_state=after, staff_id=agent.id, note="", at=at))


def _rating(session: Session, customer: Customer, entry: Entry, about: Complaint | None) -> None:
    session.add(
        Rating(
            customer_id=customer.id,
            complaint_id=about.id if about else None,
            score=entry["score"],
            reason=entry.get("reason") or "",
            at=_ago(entry["days_ago"]),
        )
    )


def _ago(days: int) -> datetime:
    """Ten in the morning, `days` local days ago; never later than now."""
    today = clock.local(clock.now(), settings().zone).date()
    return min(clock.at_local(today - timedelta(days=days), 10, settings().zone), clock.now())
