"""What the tests of a held conversation do again and again."""

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import clock, escalations
from crm.models.conversations import Author, Conversation, Direction, Escalation, EscalationReason, Message
from crm.models.messaging import Outbox
from crm.models.staff import Staff
from tests.crm import factories

NOON = "2026-11-24 05:00:00"
HOUR = timedelta(hours=1)


def held(session: Session, chat_id: int = 1001) -> tuple[Conversation, Staff, Escalation]:
    """A conversation that `lan` holds."""
    talk, lan = factories.conversation(session, chat_id), factories.agent(session, "lan")
    call = escalations.open_for(session, talk, EscalationReason.ASKED)
    escalations.claim(session, call.id, lan)
    return talk, lan, call


def says(session: Session, talk: Conversation, words: str) -> Message:
    """The customer writes."""
    said = Message(conversation_id=talk.id, direction=Direction.IN, author=Author.CUSTOMER, text=words, at=clock.now())
    session.add(said)
    session.flush()
    return said


def sent(session: Session) -> list[str]:
    """What is on its way to customers, oldest first."""
    return [row.body["text"] for row in session.scalars(select(Outbox).order_by(Outbox.id))]
