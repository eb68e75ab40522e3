"""A conversation as staff read it: what was said, by whom, and how far each outgoing message got."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Select, String, cast, select
from sqlalchemy.orm import Session, aliased, joinedload

from crm import resending
from crm.attachments import DOCUMENT, PHOTO, SIGNS, VOICE
from crm.errors import NotFound
from crm.models.conversations import Author, Conversation, Message
from crm.models.messaging import Outbox, OutboxState
from crm.models.staff import Staff
from crm.outbox import AGAIN

ATTACHMENTS = "attachments/"
PAGE = 50


@dataclass(frozen=True)
class File:
    """An attachment: PHOTO, VOICE or DOCUMENT. `number`: its place in the message, -1 for a shop's own picture."""

    kind: str
    path: str
    name: str
    number: int


@dataclass(frozen=True)
class Line:
    """One message. `delivery` and `outbox_id` are None for what the customer wrote.

    `again`: it was sent once more by a person's choice. `repeatable`: it may be.
    """

    id: int
    author: Author
    staff_name: str
    text: str
    files: tuple[File, ...]
    buttons: tuple[str, ...]
    at: datetime
    delivery: OutboxState | None
    reason: str | None
    outbox_id: int | None = None
    again: bool = False
    repeatable: bool = False

    @property
    def words(self) -> str:
        """What was said, without the sign that stands for a file which is shown anyway."""
        signs = {f"{SIGNS[file.kind]} {file.name}".strip() for file in self.files} | {SIGNS[f.kind] for f in self.files}
        return "" if self.text in signs else self.text

    @property
    def photos(self) -> tuple[str, ...]:
        """Paths of its pictures below var/attachments."""
        return tuple(file.path for file in self.files if file.kind == PHOTO)


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


def latest(session: Session, conversation_id: int, limit: int = PAGE, before: int | None = None) -> list[Line]:
    """The last `limit` messages, of those with numbers below `before` if it is given; oldest first."""
    newest = _lines(conversation_id).order_by(Message.id.desc()).limit(limit)
    if before is not None:
        newest = newest.where(Message.id < before)
    return [_line(*row) for row in reversed(session.execute(newest).all())]


def later(session: Session, conversation_id: int, after: int, limit: int = PAGE) -> list[Line]:
    """The first `limit` messages with numbers above `after`, oldest first."""
    wanted = _lines(conversation_id).where(Message.id > after).order_by(Message.id).limit(limit)
    return [_line(*row) for row in session.execute(wanted).all()]


def among(session: Session, conversation_id: int, message_ids: Collection[int]) -> list[Line]:
    """Those messages as they are now: how far they got."""
    if not message_ids:
        return []
    wanted = _lines(conversation_id).where(Message.id.in_(message_ids)).order_by(Message.id)
    return [_line(*row) for row in session.execute(wanted).all()]


def file_of(session: Session, message_id: int, number: int) -> File:
    """One attachment of a message; raises NotFound."""
    message = session.get(Message, message_id)
    items = message.attachments if message is not None else []
    if not 0 <= number < len(items):
        raise NotFound(f"attachment {number} of message {message_id}")
    return _file(items[number], number)


def _lines(conversation_id: int) -> Select[Message, Outbox, str, bool]:
    return _every_line().where(Message.conversation_id == conversation_id)


@cache
def _every_line() -> Select[Message, Outbox, str, bool]:
    """Built once: an alias copies every column of its table, and what it leaves only the collector can free."""
    repeated = aliased(Outbox)
    again = (
        select(repeated.id)
        .where(repeated.dedupe_key == AGAIN + cast(Outbox.id, String))
        .correlate(Outbox)
        .exists()
        .label("again")
    )
    wanted = select(Message, Outbox, Staff.name, again)
    return wanted.outerjoin(Outbox, Outbox.id == Message.outbox_id).outerjoin(Staff, Staff.id == Message.staff_id)


def _line(message: Message, row: Outbox | None, staff_name: str | None, again: bool) -> Line:
    files = [_file(item, number) for number, item in enumerate(message.attachments)]
    own = str(row.body.get("photo", "")) if row is not None else ""  # below var/, unlike those of customers
    if own.startswith(ATTACHMENTS) and own.removeprefix(ATTACHMENTS) not in {file.path for file in files}:
        files.append(File(PHOTO, own.removeprefix(ATTACHMENTS), "", -1))
    return Line(
        id=message.id,
        author=message.author,
        staff_name=staff_name or "",
        text=message.text,
        files=tuple(files),
        buttons=tuple(str(button["title"]) for line in (row.body.get("buttons", []) if row else []) for button in line),
        at=message.at,
        delivery=row.state if row is not None else None,
        reason=row.reason if row is not None else None,
        outbox_id=row.id if row is not None else None,
        again=bool(again),
        repeatable=row is not None and not again and resending.repeatable(row),
    )


def _file(item: dict[str, Any], number: int) -> File:
    kind = str(item.get("kind"))
    known = kind if kind in (PHOTO, VOICE) else DOCUMENT
    return File(known, str(item["path"]), str(item.get("name") or ""), number)
