"""Customers: read, made, changed."""

from datetime import datetime
from typing import Annotated

from fastapi import Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session
from starlette.responses import Response

from console.api.calls import After, Limit, Page, Resource, Written, act, look, must_match, page, readable, tagged
from console.api.errors import Refused
from crm import audit, customer_records, customers, key_pages
from crm.api_tokens import Scope
from crm.customer_records import EMAIL, Birthday, CustomerRecord
from crm.customers import national_phone
from crm.errors import InvalidInput
from crm.models.people import Address, Customer, CustomerKind, Stage, Tier
from crm.models.staff import Staff
from crm.records import Outcome

resource = Resource("customers")


def _phone(value: str) -> str:
    try:
        return national_phone(value)
    except InvalidInput as error:
        raise ValueError(str(error)) from error


Phone = Annotated[str, AfterValidator(_phone)]


class BirthdayIn(BaseModel):
    """A day of the solar calendar; lunar ones are told by the customer themselves."""

    model_config = ConfigDict(extra="forbid")
    day: int = Field(ge=1, le=31)
    month: int = Field(ge=1, le=12)
    year: int | None = Field(default=None, ge=1900, le=2100)


class CustomerIn(BaseModel):
    """What is left out or null stays as it is."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)
    external_id: str | None = Field(default=None, min_length=1, max_length=64)
    name: str | None = Field(default=None, min_length=1, max_length=100)
    phone: Phone | None = None
    email: str | None = Field(default=None, max_length=200, pattern=EMAIL)
    address: Address | None = Field(default=None, description="How the shop addresses them: anh, chị, cô, …")
    kind: CustomerKind | None = None
    stage: Stage | None = None
    tier: Tier | None = None
    occupation: str | None = Field(default=None, max_length=200)
    birthday: BirthdayIn | None = None

    def record(self) -> CustomerRecord:
        values = self.model_dump(exclude={"birthday"})
        birthday = Birthday(**self.birthday.model_dump()) if self.birthday else None
        return CustomerRecord(**values, birthday=birthday)


class CustomerOut(BaseModel):
    id: int
    external_id: str | None
    name: str
    phone: str | None
    email: str | None
    address: Address
    kind: CustomerKind
    stage: Stage
    tier: Tier
    occupation: str | None
    created_at: datetime

    @classmethod
    def of(cls, customer: Customer) -> "CustomerOut":
        return cls.model_validate(customer, from_attributes=True)


@resource.route("GET", "/customers", Scope.CUSTOMERS_READ)
def listing(after: After = 0, limit: Limit = 50, phone: str = "", external_id: str = "") -> Page[CustomerOut]:
    """Customers by their number; `phone` and `external_id` find one."""
    digits = national_phone(phone) if phone else ""
    rows = look(lambda s: key_pages.customers(s, after, limit + 1, phone=digits, external_id=external_id))
    return page(rows, limit, CustomerOut.of)


@resource.route("GET", "/customers/{customer_id}", Scope.CUSTOMERS_READ)
def one(customer_id: int, response: Response) -> CustomerOut:
    """One customer, with an ETag for a later change."""
    return tagged(response, look(lambda s: CustomerOut.of(_present(s, customer_id))))


@resource.route("POST", "/customers", Scope.CUSTOMERS_WRITE)
def upsert(given: CustomerIn, request: Request, response: Response) -> CustomerOut | Written:
    """Makes a customer (201), or brings the one with this `external_id` or phone up to date (200).

    A token without `customers:read` is told the number alone.
    """

    def work(session: Session, staff: Staff) -> tuple[Outcome, CustomerOut]:
        result = customer_records.upsert(session, [given.record()])[0]
        if result.id is None:
            wrong = result.problems[0]
            raise Refused(422, wrong.reason.value, f"{wrong.field}: {wrong.reason.value}", field=wrong.field)
        if result.outcome is not Outcome.UNCHANGED:
            names = sorted(given.model_fields_set)
            audit.record(session, staff, f"customer_{result.outcome.value}", "customer", result.id, fields=names)
        return result.outcome, CustomerOut.of(customers.get(session, result.id))

    outcome, shown = act(request, work)
    response.status_code = 201 if outcome is Outcome.CREATED else 200
    return readable(request, response, shown, Scope.CUSTOMERS_READ)


@resource.route("PATCH", "/customers/{customer_id}", Scope.CUSTOMERS_WRITE)
def change(customer_id: int, given: CustomerIn, request: Request, response: Response) -> CustomerOut | Written:
    """Changes what is given. Needs If-Match: two systems that change one customer do not undo each other.

    A token without `customers:read` is told the number alone.
    """

    def work(session: Session, staff: Staff) -> CustomerOut:
        customer = _present(session, customer_id, lock=True)
        must_match(request, CustomerOut.of(customer), required=True)
        if customer_records.change(session, customer, given.record()):
            names = sorted(given.model_fields_set)
            audit.record(session, staff, "customer_updated", "customer", customer_id, fields=names)
        return CustomerOut.of(customer)

    return readable(request, response, act(request, work), Scope.CUSTOMERS_READ)


def _present(session: Session, customer_id: int, *, lock: bool = False) -> Customer:
    customer = session.get(Customer, customer_id, with_for_update=lock or None)
    if customer is None or customer.gone_at is not None:
        raise Refused(404, "not_found", f"There is no customer {customer_id}.")
    return customer
