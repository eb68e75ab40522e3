"""A conversation as staff read it: what was said, by whom, and how far each outgoing message got."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from crm.errors import NotFound
from crm.models.conversations import Author, Conversation, Message
from crm.models.messaging import Outbox, OutboxState
from crm.models.staff import Staff

ATTACHMENTS = "attachments/"


@dataclass(frozen=True)
class Line:
    """One message. `photos`: paths below var/attachments. `delivery` is None for what the customer wrote."""

    id: int
    author: Author
    staff_name: str
    text: str
    photos: tuple[str, ...]
    buttons: tuple[str, ...]
    at: datetime
    delivery: OutboxState | None
    reason: str | None


def conversation(session: Session, conversation_id: int) -> Conversation:
    """The conversation with its customer and account; raises NotFound."""
    wanted = select(Conversation).where(Conversation.id == conversation_id)
    found = session.scalar(wanted.options(joinedload(Conversation.customer), joinedload(Conversation.account)))
    if found is None:
        raise NotFound(f"conversation {conversation_id}")
    return found


def of_customer(session: Session, customer_id: int) -> int | None:
    """The number of the customer's newest conversation."""
    mine = select(Conversation.id).where(Conversation.customer_id == customer_id)
    return session.scalar(mine.order_by(Conversation.last_message_at.desc(), Conversation.id.desc()).limit(1))


def latest(session: Session, conversation_id: int, limit: int = 100) -> list[Line]:
    """The last `limit` messages, oldest first."""
    newest = (
        select(Message, Outbox, Staff.name)
        .outerjoin(Outbox, Outbox.id == Message.outbox_id)
        .outerjoin(Staff, Staff.id == Message.staff_id)
        .where(Message.conversation_id == conversation_id)
        .order_by(Message.id.desc())
        .limit(limit)
    )
    return [_line(message, row, name) for message, row, name in reversed(session.execute(newest).all())]


def _line(message: Message, row: Outbox | None, staff_name: str | None) -> Line:
    photos = [str(item["path"]) for item in message.attachments if item.get("kind") == "photo"]
    own = str(row.body.get("photo", "")) if row is not None else ""  # below var/, unlike those of customers
    if own.startswith(ATTACHMENTS):
        photos.append(own.removeprefix(ATTACHMENTS))
    return Line(
        id=message.id,
        author=message.author,
        staff_name=staff_name or "",
        text=message.text,
        photos=tuple(photos),
        buttons=tuple(str(button["title"]) for line in (row.body.get("buttons", []) if row else []) for button in line),
        at=message.at,
        delivery=row.state if row is not None else None,
        reason=row.reason if row is not None else None,
    )
