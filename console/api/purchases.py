"""Purchases: the shop's own system pushes them in bulk, as often as it likes; each row's outcome is named."""

from datetime import datetime

from fastapi import Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from console.api.calls import After, Limit, Page, Resource, act, look, page
from console.api.customers import Phone
from console.api.tokens import caller_of
from crm import audit, key_pages, purchase_records
from crm.api_tokens import Scope
from crm.models.catalogue import Purchase, PurchaseItem, PurchaseStatus
from crm.models.staff import Staff
from crm.purchase_records import ItemRecord, PurchaseRecord
from crm.records import Outcome, Reason, Result

resource = Resource("purchases")
AT_ONCE = 1000
DEAREST = 10**12


class ItemIn(BaseModel):
    """`unit_price` in đồng; without one, the catalogue's."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)
    product: str = Field(min_length=1, max_length=200, description="Its sku, else its exact name.")
    quantity: int = Field(default=1, ge=1, le=100_000)
    unit_price: int | None = Field(default=None, ge=0, le=DEAREST)
    serial: str | None = Field(default=None, max_length=64)


class PurchaseIn(BaseModel):
    """An order, whole. The customer is named by one of `customer_id`, `customer_external_id`, `customer_phone`."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)
    external_id: str = Field(min_length=1, max_length=64, description="The order's key in your system.")
    order_code: str | None = Field(default=None, max_length=32, description="What the customer calls it by.")
    customer_id: int | None = None
    customer_external_id: str | None = Field(default=None, max_length=64)
    customer_phone: Phone | None = None
    status: PurchaseStatus = PurchaseStatus.DELIVERED
    purchased_at: AwareDatetime
    items: list[ItemIn] = Field(min_length=1, max_length=200)

    def record(self) -> PurchaseRecord:
        items = tuple(ItemRecord(**item.model_dump()) for item in self.items)
        return PurchaseRecord(**self.model_dump(exclude={"items"}), items=items)


class PushIn(BaseModel):
    purchases: list[PurchaseIn] = Field(min_length=1, max_length=AT_ONCE)


class ProblemOut(BaseModel):
    field: str
    reason: Reason
    value: str


class ResultOut(BaseModel):
    external_id: str
    outcome: Outcome
    id: int | None
    problems: list[ProblemOut]


class PushOut(BaseModel):
    """`counts` by outcome; `results` in the order of the request."""

    counts: dict[Outcome, int]
    results: list[ResultOut]


class ItemOut(BaseModel):
    sku: str
    name: str
    quantity: int
    unit_price: int
    serial: str | None

    @classmethod
    def of(cls, item: PurchaseItem) -> "ItemOut":
        return cls(
            sku=item.product.sku,
            name=item.product.name,
            quantity=item.quantity,
            unit_price=item.unit_price,
            serial=item.serial,
        )


class PurchaseOut(BaseModel):
    id: int
    external_id: str | None
    order_code: str
    customer_id: int
    status: PurchaseStatus
    purchased_at: datetime
    items: list[ItemOut]

    @classmethod
    def of(cls, purchase: Purchase) -> "PurchaseOut":
        names = ("id", "external_id", "order_code", "customer_id", "status", "purchased_at")
        return cls(**{name: getattr(purchase, name) for name in names}, items=[ItemOut.of(i) for i in purchase.items])


@resource.route("GET", "/purchases", Scope.PURCHASES_READ)
def listing(after: After = 0, limit: Limit = 50, customer_id: int | None = None) -> Page[PurchaseOut]:
    """Orders by their number, of everybody or of one customer."""
    return look(
        lambda s: page(key_pages.purchases(s, after, limit + 1, customer_id=customer_id), limit, PurchaseOut.of)
    )


@resource.route("PUT", "/purchases", Scope.PURCHASES_WRITE)
def push(given: PushIn, request: Request) -> PushOut:
    """Up to 1,000 orders, known by `external_id`: new ones are made, changed ones changed, the same ones left alone.

    A refused row does not keep the others back; look at `outcome` of each.
    """
    records = [each.record() for each in given.purchases]

    def work(session: Session, staff: Staff) -> list[Result]:
        results = purchase_records.upsert(session, records)
        counts = {outcome.value: count for outcome, count in _counts(results).items()}
        audit.record(session, staff, "purchases_pushed", "token", caller_of(request).token_id, **counts)
        return results

    results = act(request, work)
    pairs = zip(records, results, strict=True)
    return PushOut(counts=_counts(results), results=[_shown(record, result) for record, result in pairs])


def _counts(results: list[Result]) -> dict[Outcome, int]:
    return {outcome: sum(result.outcome is outcome for result in results) for outcome in Outcome}


def _shown(record: PurchaseRecord, result: Result) -> ResultOut:
    problems = [ProblemOut(field=p.field, reason=p.reason, value=p.value) for p in result.problems]
    return ResultOut(external_id=record.external_id, outcome=result.outcome, id=result.id, problems=problems)
