"""The only door to a customer: whatever they receive is a row made here and carried by `bot/delivery.py`."""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from crm import clock
from crm.models.conversations import Author, Conversation, Direction, Message
from crm.models.messaging import ButtonToken, Outbox, OutboxKind, OutboxState
from crm.models.people import ChannelAccount, Purpose

PRIORITY = {OutboxKind.REPLY: 0, OutboxKind.CARE: 1, OutboxKind.MARKETING: 2}
BUTTON_LIFE = timedelta(days=30)
UNDELIVERED = (OutboxState.FAILED, OutboxState.UNKNOWN)
ATTACHMENTS = "attachments/"
TRIED = (OutboxState.SENDING, OutboxState.SENT, OutboxState.UNKNOWN)
MERGED = "merged"  # the reason of a message that the same person gets already, as another record
AGAIN = "again:"  # begins the dedupe key of a message that repeats another, whose number follows


@dataclass(frozen=True)
class Button:
    """`title` as the customer reads it; `payload` (`/intent{"k":"v"}`) stays on our side behind a token."""

    title: str
    payload: str


@dataclass(frozen=True)
class Content:
    """One message: plain text, optionally one file (path below var/), optionally rows of buttons.

    `document`, `voice`: as `photo`, carried as a file and as a voice message; `file_name`: what the customer reads.
    """

    text: str
    photo: str | None = None
    buttons: Sequence[Sequence[Button]] = ()
    document: str | None = None
    voice: str | None = None
    file_name: str = ""

    @property
    def files(self) -> dict[str, str]:
        """Path by kind, as the row's body holds it."""
        kinds = {"photo": self.photo, "document": self.document, "voice": self.voice}
        return {kind: path for kind, path in kinds.items() if path is not None}


@dataclass(frozen=True)
class Addressed:
    """One of many messages; `dedupe_key` names it, and a second row with the same key is not made."""

    account: ChannelAccount
    content: Content
    dedupe_key: str


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
        **_address(account, kind, purpose, moment),
        body=_body(session, account.id, content, moment),
        dedupe_key=dedupe_key,
        campaign_id=campaign_id,
        not_before=not_before or moment,
        expires_at=expires_at,
    )
    session.add(row)
    session.flush()
    _record(session, row, author, staff_id, content, moment)
    return row


def enqueue_many(
    session: Session,
    letters: Sequence[Addressed],
    *,
    kind: OutboxKind,
    purpose: Purpose = Purpose.SERVICE,
    expires_at: datetime | None = None,
    campaign_id: int | None = None,
) -> dict[str, int]:
    """As `enqueue` for each letter, by the assistant and due now, in a few statements for all of them.

    Returns:
        The number of each letter's row by its dedupe key, of the rows that were there already too.
    """
    known = _numbers(session, [letter.dedupe_key for letter in letters])
    fresh = {letter.dedupe_key: letter for letter in letters if letter.dedupe_key not in known}
    if not fresh:
        return known
    moment = clock.now()
    rows = [
        {
            **_address(letter.account, kind, purpose, moment),
            "body": _body(session, letter.account.id, letter.content, moment),
            "dedupe_key": key,
            "campaign_id": campaign_id,
            "not_before": moment,
            "expires_at": expires_at,
        }
        for key, letter in fresh.items()
    ]
    made = session.execute(insert(Outbox).returning(Outbox.dedupe_key, Outbox.id), rows).all()
    numbers = {key: number for key, number in made if key is not None}
    _record_many(session, [(letter, numbers[key]) for key, letter in fresh.items()], moment)
    return known | numbers


def _numbers(session: Session, keys: Sequence[str]) -> dict[str, int]:
    found = select(Outbox.dedupe_key, Outbox.id).where(Outbox.dedupe_key.in_(keys))
    return {key: number for key, number in session.execute(found) if key is not None}


def _address(account: ChannelAccount, kind: OutboxKind, purpose: Purpose, moment: datetime) -> dict[str, Any]:
    """What every new row says of whom it is for and how urgent it is."""
    return {
        "bot_id": account.bot_id,
        "account_id": account.id,
        "kind": kind,
        "purpose": purpose,
        "priority": PRIORITY[kind],
        "state": OutboxState.QUEUED,
        "created_at": moment,
    }


def hold(session: Session, numbers: Collection[int]) -> dict[int, Outbox]:
    """The messages by number, those in the queue held against the sender; what it has taken is its own to settle."""
    written = select(Outbox).where(Outbox.id.in_(numbers)).execution_options(populate_existing=True)
    session.scalars(written.where(Outbox.state == OutboxState.QUEUED).order_by(Outbox.id).with_for_update()).all()
    return {row.id: row for row in session.scalars(written)}


def had(message: Outbox) -> bool:
    """Whether the person may have read it, or gets another one instead of it."""
    return message.state in TRIED or message.reason == MERGED


def end_second(ours: Outbox, other: Outbox) -> None:
    """Of two like messages, both held, to what is one person now, ends what is queued beside one that arrives.

    Of two in the queue the other one ends, but for a chat that is closed.
    """
    queued = ours.state is OutboxState.QUEUED and other.state is OutboxState.QUEUED
    closed = other.account.reachable and not ours.account.reachable
    if had(other) or (queued and closed):
        end_merged(ours)
    elif had(ours) or queued:
        end_merged(other)


def end_merged(message: Outbox) -> None:
    """Ends a message, if it is queued, that its reader gets already as another record."""
    if message.state is OutboxState.QUEUED:
        message.state, message.reason = OutboxState.SKIPPED, MERGED


def undelivered(
    session: Session, bot_id: int, since: datetime, *, account_id: int | None = None, limit: int = 100
) -> list[Outbox]:
    """Answers and care made from `since` on that were not delivered, or of which nobody knows, newest first; their
    `reason` says why.
    """
    wanted = select(Outbox).where(Outbox.bot_id == bot_id, Outbox.state.in_(UNDELIVERED), Outbox.created_at >= since)
    # By priority, the kind as a number, which the queue's index holds.
    wanted = wanted.where(Outbox.priority.in_((PRIORITY[OutboxKind.REPLY], PRIORITY[OutboxKind.CARE])))
    if account_id is not None:
        wanted = wanted.where(Outbox.account_id == account_id)
    return list(session.scalars(wanted.order_by(Outbox.id.desc()).limit(limit)))


def _body(session: Session, account_id: int, content: Content, moment: datetime) -> dict[str, Any]:
    body: dict[str, Any] = {"text": content.text}
    body |= content.files
    if content.file_name:
        body["name"] = content.file_name
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


def _record(
    session: Session, row: Outbox, author: Author, staff_id: int | None, content: Content, moment: datetime
) -> None:
    conversation = session.scalar(select(Conversation).where(Conversation.account_id == row.account_id))
    if conversation is None:
        return
    session.add(
        Message(
            conversation_id=conversation.id,
            direction=Direction.OUT,
            author=author,
            staff_id=staff_id,
            text=content.text,
            attachments=_attachments(content),
            outbox_id=row.id,
            at=moment,
        )
    )


def _attachments(content: Content) -> list[dict[str, str]]:
    """What lies below var/attachments, as Message.attachments names it."""
    kept = {kind: path for kind, path in content.files.items() if path.startswith(ATTACHMENTS)}
    return [
        {"kind": kind, "path": path.removeprefix(ATTACHMENTS), "name": content.file_name} for kind, path in kept.items()
    ]


def _record_many(session: Session, letters: Sequence[tuple[Addressed, int]], moment: datetime) -> None:
    """`letters`: each with the number of its row."""
    accounts = [letter.account.id for letter, _ in letters]
    found = select(Conversation.account_id, Conversation.id).where(Conversation.account_id.in_(accounts))
    conversations = dict(session.execute(found).all())
    spoken = [
        {
            "conversation_id": conversations[letter.account.id],
            "direction": Direction.OUT,
            "author": Author.ASSISTANT,
            "text": letter.content.text,
            "attachments": _attachments(letter.content),
            "outbox_id": number,
            "at": moment,
        }
        for letter, number in letters
        if letter.account.id in conversations
    ]
    if spoken:  # RETURNING makes it a few statements with many rows each, and not one a row
        session.execute(insert(Message).returning(Message.id), spoken)
