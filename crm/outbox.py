"""The only door to a customer: whatever they receive is a row made here and carried by `bot/delivery.py`."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import clock
from crm.models.conversations import Author, Conversation, Direction, Message
from crm.models.messaging import ButtonToken, Outbox, OutboxKind, OutboxState
from crm.models.people import ChannelAccount, Purpose

PRIORITY = {OutboxKind.REPLY: 0, OutboxKind.CARE: 1, OutboxKind.MARKETING: 2}
BUTTON_LIFE = timedelta(days=30)


@dataclass(frozen=True)
class Button:
    """`title` as the customer reads it; `payload` (`/intent{"k":"v"}`) stays on our side behind a token."""

    title: str
    payload: str


@dataclass(frozen=True)
class Content:
    """One message: plain text, optionally a photo (path below var/), optionally rows of buttons."""

    text: str
    photo: str | None = None
    buttons: Sequence[Sequence[Button]] = ()


def enqueue(
    session: Session,
    account: ChannelAccount,
    content: Content,
    *,
    kind: OutboxKind,
    purpose: Purpose = Purpose.SERVICE,
    author: Author = Author.ASSISTANT,
    staff_id: int | None = None,
    dedupe_key: str | None = None,
    not_before: datetime | None = None,
    expires_at: datetime | None = None,
    campaign_id: int | None = None,
) -> Outbox | None:
    """Queues one message and records it in the conversation.

    Args:
        dedupe_key: names the message; a second row with the same key is not made.

    Returns:
        The new row, or None when `dedupe_key` is already there.
    """
    if dedupe_key is not None and session.scalar(select(Outbox.id).where(Outbox.dedupe_key == dedupe_key)):
        return None
    moment = clock.now()
    row = Outbox(
        bot_id=account.bot_id,
        account_id=account.id,
        kind=kind,
        purpose=purpose,
        priority=PRIORITY[kind],
        body=_body(session, account.id, content, moment),
        state=OutboxState.QUEUED,
        dedupe_key=dedupe_key,
        campaign_id=campaign_id,
        not_before=not_before or moment,
        expires_at=expires_at,
        created_at=moment,
    )
    session.add(row)
    session.flush()
    _record(session, row, author, staff_id, content.text, moment)
    return row


def _body(session: Session, account_id: int, content: Content, moment: datetime) -> dict[str, Any]:
    body: dict[str, Any] = {"text": content.text}
    if content.photo is not None:
        body["photo"] = content.photo
    if content.buttons:
        body["buttons"] = [[_token(session, account_id, button, moment) for button in row] for row in content.buttons]
    return body


def _token(session: Session, account_id: int, button: Button, moment: datetime) -> dict[str, str]:
    token = secrets.token_urlsafe(16)
    session.add(
        ButtonToken(
            token=token,
            account_id=account_id,
            title=button.title,
            payload=button.payload,
            created_at=moment,
            expires_at=moment + BUTTON_LIFE,
        )
    )
    return {"title": button.title, "token": token}


def _record(session: Session, row: Outbox, author: Author, staff_id: int | None, text: str, moment: datetime) -> None:
    conversation = session.scalar(select(Conversation).where(Conversation.account_id == row.account_id))
    if conversation is None:
        return
    session.add(
        Message(
            conversation_id=conversation.id,
            direction=Direction.OUT,
            author=author,
            staff_id=staff_id,
            text=text,
            outbox_id=row.id,
            at=moment,
        )
    )
