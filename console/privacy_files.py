"""Fetching the copy of somebody's data: an address that is one person's of the staff, for two minutes."""

import hmac
from datetime import timedelta

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import FileResponse, Response

from console import access, notices
from console.visits import visitor_of
from crm import audit, clock, personal_data_export
from crm.db import database
from crm.errors import NotFound
from crm.models.staff import Staff
from crm.settings import settings

router = APIRouter()
_FILE = "/privacy/exports/{name}"
TICKET_LIFE = timedelta(minutes=2)


def make(session: Session, staff: Staff, customer_id: int, request_id: int | None = None) -> str:
    """Makes a copy and returns the address from which `staff` may fetch it now."""
    return ticket_for(staff, personal_data_export.make(session, customer_id, staff, request_id).name)


def ticket_for(staff: Staff, name: str) -> str:
    """The address of a copy, good for `staff` for two minutes."""
    return f"/privacy/exports/{name}?ticket={_ticket(name, staff.id, int((clock.now() + TICKET_LIFE).timestamp()))}"


@router.get(_FILE)
def download(request: Request, name: str, ticket: str = "") -> Response:
    """The zip. Refused without a good ticket, and after the copy expired; each fetch is in the audit log."""
    visitor = visitor_of(request)
    if visitor is None or visitor.role not in access.FILES[_FILE] or not _is_good(ticket, name, visitor.staff_id):
        return notices.denied()
    try:
        with database(settings().database_url).begin() as session:
            export, path = personal_data_export.usable(session, name)
            staff = session.get_one(Staff, visitor.staff_id)
            audit.record(session, staff, "customer_export_fetched", "customer", export.customer_id)
            number = export.customer_id
    except NotFound:
        return notices.not_found()
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return FileResponse(path, media_type="application/zip", filename=f"tri-an-khach-{number}.zip", headers=headers)


def _ticket(name: str, staff_id: int, until: int) -> str:
    secret = settings().derived_secret("export of personal data").encode()
    return f"{until}.{hmac.new(secret, f'{name}:{staff_id}:{until}'.encode(), 'sha256').hexdigest()}"


def _is_good(ticket: str, name: str, staff_id: int) -> bool:
    until = ticket.partition(".")[0]
    if not (until.isascii() and until.isdigit()) or len(until) > 12 or int(until) < clock.now().timestamp():
        return False
    return hmac.compare_digest(ticket.encode(), _ticket(name, staff_id, int(until)).encode())
