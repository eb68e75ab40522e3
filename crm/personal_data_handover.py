"""Handing a person the copy of their data in their own chat, which is the proof of who they are."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import personal_data_export, personal_data_requests
from crm.models.privacy import PrivacyRequest, RequestKind, RequestState
from crm.models.staff import Staff
from crm.personal_data_requests import CHAT


def send(session: Session, request_id: int, staff: Staff | None) -> bool:
    """Makes the copy and sends it into the chat; the request is done then. Whether there was a chat to send it to."""
    request = personal_data_requests.get(session, request_id)
    export = personal_data_export.make(session, request.customer_id, staff, request.id)
    document = f"{personal_data_export.FOLDER}/{export.name}"
    if not personal_data_requests.answer(session, request, "privacy_copy", staff, document=document):
        return False
    personal_data_requests.move(session, request, RequestState.DONE, staff)
    return True


def send_asked(session: Session, _moment: datetime) -> int:
    """Answers the oldest request for a copy that came from a chat; how many (0 or 1)."""
    asked = (PrivacyRequest.kind == RequestKind.EXPORT, PrivacyRequest.channel == CHAT)
    waiting = select(PrivacyRequest.id).where(*asked, PrivacyRequest.state == RequestState.RECEIVED)
    request_id = session.scalar(waiting.order_by(PrivacyRequest.due_at).limit(1))
    return int(request_id is not None and send(session, request_id, None))
