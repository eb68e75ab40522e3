"""What the tests of the sender do again and again: a message is queued, what is due is claimed."""

from sqlalchemy import update
from sqlalchemy.orm import Session

from crm import dispatch, outbox
from crm.dispatch import Letter
from crm.models.messaging import Outbox, OutboxKind
from crm.models.people import ChannelAccount, Purpose
from crm.outbox import Content
from crm.settings import settings
from tests.crm import factories

NOON = "2026-11-24T05:00:00Z"  # 12:00 in Việt Nam


def queue(session: Session, kind: OutboxKind = OutboxKind.REPLY, chat_id: int = 1001, text: str = "x") -> Outbox:
    account = factories.conversation(session, chat_id).account
    purpose = Purpose.MARKETING if kind is OutboxKind.MARKETING else Purpose.SERVICE
    row = outbox.enqueue(session, account, Content(text), kind=kind, purpose=purpose)
    assert row is not None
    session.flush()
    return row


def claim(session: Session, fence: int = 1, limit: int = 10) -> list[Letter]:
    """Claims as if the last message to each chat were long ago."""
    session.flush()
    session.execute(update(ChannelAccount).values(quiet_until=None))
    return dispatch.claim(session, settings(), fence, limit)
