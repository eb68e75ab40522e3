"""Complaints: read, opened for a customer, moved along their states, answered."""

from datetime import datetime

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session
from starlette.responses import Response

from console.api.calls import After, Limit, Page, Resource, Written, act, look, must_match, page, readable, tagged
from crm import audit, complaints, customers, key_pages
from crm.api_tokens import Scope
from crm.complaints import Report
from crm.errors import InvalidInput, NotFound
from crm.models.care import Complaint, ComplaintCategory, ComplaintEvent, ComplaintState, Severity
from crm.models.catalogue import Purchase
from crm.models.staff import Staff

resource = Resource("complaints")


class ComplaintIn(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)
    customer_id: int
    description: str = Field(min_length=1, max_length=4000)
    category: ComplaintCategory = ComplaintCategory.OTHER
    severity: Severity = Severity.NORMAL
    purchase_id: int | None = None
    contact: str = Field(default="", max_length=200)


class StepIn(BaseModel):
    """`note` is for the staff. To `resolved`, `resolution` is what the customer reads."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)
    to: ComplaintState
    note: str = Field(default="", max_length=2000)
    resolution: str = Field(default="", max_length=3000)


class ComplaintOut(BaseModel):
    """`promised_at`: the moment by which the customer was promised an answer."""

    id: int
    code: str
    customer_id: int
    conversation_id: int | None
    purchase_id: int | None
    category: ComplaintCategory
    severity: Severity
    state: ComplaintState
    description: str
    resolution: str
    created_at: datetime
    promised_at: datetime
    resolved_at: datetime | None

    @classmethod
    def of(cls, complaint: Complaint) -> "ComplaintOut":
        return cls.model_validate(complaint, from_attributes=True)


class EventOut(BaseModel):
    from_state: ComplaintState | None
    to_state: ComplaintState
    note: str
    at: datetime

    @classmethod
    def of(cls, event: ComplaintEvent) -> "EventOut":
        return cls.model_validate(event, from_attributes=True)


@resource.route("GET", "/complaints", Scope.COMPLAINTS_READ)
def listing(
    after: After = 0, limit: Limit = 50, state: ComplaintState | None = None, customer_id: int | None = None
) -> Page[ComplaintOut]:
    """Complaints by their number, of all states and customers or of one."""
    rows = look(lambda s: key_pages.complaints(s, after, limit + 1, state=state, customer_id=customer_id))
    return page(rows, limit, ComplaintOut.of)


@resource.route("GET", "/complaints/{complaint_id}", Scope.COMPLAINTS_READ)
def one(complaint_id: int, response: Response) -> ComplaintOut:
    """One complaint, with an ETag for a later step."""
    return tagged(response, look(lambda s: ComplaintOut.of(complaints.get(s, complaint_id))))


@resource.route("GET", "/complaints/{complaint_id}/events", Scope.COMPLAINTS_READ)
def events(complaint_id: int) -> list[EventOut]:
    """What has happened to it, oldest first."""
    return look(lambda s: [EventOut.of(event) for event in complaints.get(s, complaint_id).events])


@resource.route("POST", "/complaints", Scope.COMPLAINTS_WRITE, status_code=201)
def create(given: ComplaintIn, request: Request, response: Response) -> ComplaintOut | Written:
    """Opens a complaint, with a code and a promise, as if the customer had told it in the chat.

    For somebody who was merged away, it is of the record that was kept; somebody erased is not there (404). A token
    without `complaints:read` is told the number alone.
    """

    def work(session: Session, staff: Staff) -> ComplaintOut:
        customer = customers.current(session, given.customer_id)
        session.refresh(customer, with_for_update=True)  # nobody erases or merges them meanwhile
        if customer.gone_at is not None:
            raise NotFound(f"customer {given.customer_id} is gone")
        purchase = session.get(Purchase, given.purchase_id) if given.purchase_id is not None else None
        if given.purchase_id is not None and (purchase is None or purchase.customer_id != customer.id):
            raise InvalidInput("purchase_id", "not a purchase of this customer")
        report = Report(**given.model_dump(exclude={"customer_id"}))
        complaint = complaints.submit(session, customer, None, report)
        audit.record(session, staff, "complaint_opened", "complaint", complaint.id)
        return ComplaintOut.of(complaint)

    return readable(request, response, act(request, work), Scope.COMPLAINTS_READ)


@resource.route("POST", "/complaints/{complaint_id}/steps", Scope.COMPLAINTS_WRITE)
def step(complaint_id: int, given: StepIn, request: Request, response: Response) -> ComplaintOut | Written:
    """Moves it to another state, by the same rules as in the console: 409 where that is not possible (any more).

    A token without `complaints:read` is told the number alone.
    """

    def work(session: Session, staff: Staff) -> ComplaintOut:
        complaint = complaints.get(session, complaint_id)
        session.refresh(complaint, with_for_update=True)
        must_match(request, ComplaintOut.of(complaint), required=False)
        if given.to is ComplaintState.RESOLVED:
            complaints.resolve(session, complaint, staff, given.resolution)
        else:
            complaints.move(session, complaint, given.to, staff, given.note)
        return ComplaintOut.of(complaint)

    return readable(request, response, act(request, work), Scope.COMPLAINTS_READ)
