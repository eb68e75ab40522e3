"""A person promises the customer an answer: the customer reads it, and it is kept track of."""

from datetime import datetime

from sqlalchemy.orm import Session

from crm import clock, escalations, promises, templates, threads
from crm.models.service import Promise
from crm.models.staff import Staff
from crm.outbox import Content
from crm.settings import settings


def promise(
    session: Session, conversation_id: int, escalation_id: int, staff: Staff, words: str, due: datetime
) -> Promise:
    """Tells the customer by when `words` will be answered, and notes it.

    Raises AlreadyHeld unless `staff` holds the conversation, and InvalidInput ("due_at", "words").
    """
    conversation = threads.conversation(session, conversation_id)
    time = clock.vietnamese_moment(due, settings().zone)
    said = templates.message("promise_by", conversation.customer, time=time, about=words)
    escalations.say(session, escalation_id, staff, Content(said), answers=False)
    return promises.make(session, conversation, due, words, staff)
