"""An answer or news that did not reach its customer: a person is called, and finds in the call what it was."""

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import escalations, words
from crm.models.conversations import Conversation, EscalationReason
from crm.models.messaging import Outbox, OutboxKind
from crm.models.people import Purpose

log = structlog.get_logger()
QUOTED = 120  # characters of the message, enough to know it by


def call_person(session: Session, row: Outbox) -> None:
    """Puts the customer of `row`, which ended unsent or unclear, into the queue; the assistant goes on answering them.

    Nobody is called for what the customer does not wait for: advertising and greetings. What goes wrong here is logged
    and changes nothing else: that the message ended, and how, must be written down whatever happens.
    """
    if row.kind is OutboxKind.MARKETING or row.purpose is not Purpose.SERVICE:
        return
    try:
        with session.begin_nested():
            _call(session, row)
    except Exception:
        log.exception("nobody was called for an undelivered message", outbox_id=row.id)


def _call(session: Session, row: Outbox) -> None:
    conversation = session.scalar(select(Conversation).where(Conversation.account_id == row.account_id))
    if conversation is None:
        return
    said = " ".join(str(row.body["text"]).split())
    quote = said if len(said) <= QUOTED else f"{said[:QUOTED]}…"
    note = words.label(f"undelivered.{row.state.value}", text=quote)
    call = escalations.open_for(session, conversation, EscalationReason.TECHNICAL, note=note, silence=False)
    if note not in call.note:
        call.note = f"{call.note}\n{note}".strip()
