"""Photos that customers sent, below var/attachments: old ones go, with what names them. Open complaints keep theirs.

The file goes before the line that names it: whoever is killed in between finds the line again the next night.
"""

import os
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Select, Text, cast, select
from sqlalchemy.orm import Session

from crm.complaints import OPEN_STATES
from crm.models.care import Complaint
from crm.models.conversations import Conversation, Message
from crm.models.messaging import Outbox
from crm.settings import Settings

FOLDER = "attachments"
STRAY = timedelta(days=1)  # a file is written before the line that names it


def find(session: Session, settings: Settings, moment: datetime, after: int = 0, limit: int = 100) -> list[int]:
    """The next messages, beyond the number `after`, whose photos may go. Only reads."""
    return list(session.scalars(_doomed(settings, moment).where(Message.id > after).order_by(Message.id).limit(limit)))


def forget(session: Session, settings: Settings, moment: datetime, message_ids: Sequence[int]) -> int:
    """Deletes the photos of those messages that still may go; returns how many files went."""
    still = list(session.scalars(_doomed(settings, moment).where(Message.id.in_(message_ids)).with_for_update()))
    removed = 0
    for message in session.scalars(select(Message).where(Message.id.in_(still))):
        names = {str(item.get("path")) for item in message.attachments}
        removed += sum(_unlink(settings, name) for name in sorted(names))
        message.attachments = []
        _forget_in_complaints(session, message.conversation_id, names)
    return removed


def strays(session: Session, settings: Settings, moment: datetime) -> list[Path]:
    """Old files that no line of the database names: left by a process that was killed. Only reads."""
    before = (moment - timedelta(days=settings.retention_attachments_days) - STRAY).timestamp()
    old = [entry for entry in _files(settings) if entry.stat().st_mtime < before]
    if not old:
        return []
    named = _named(session)
    return [Path(entry.path) for entry in old if entry.name not in named]


def old_photos(session: Session, settings: Settings, moment: datetime) -> int:
    """How many photos may go now, strays included."""
    ids = session.scalars(_doomed(settings, moment))
    rows = session.scalars(select(Message.attachments).where(Message.id.in_(list(ids))))
    return sum(len(items) for items in rows) + len(strays(session, settings, moment))


def _doomed(settings: Settings, moment: datetime) -> Select[Any]:
    held = select(Complaint.customer_id).where(Complaint.state.in_(OPEN_STATES))
    free = select(Conversation.id).where(Conversation.customer_id.not_in(held))
    before = moment - timedelta(days=settings.retention_attachments_days)
    with_photo = cast(Message.attachments, Text) != "[]"
    return select(Message.id).where(Message.at < before, with_photo, Message.conversation_id.in_(free))


def _forget_in_complaints(session: Session, conversation_id: int, names: set[str]) -> None:
    mine = select(Complaint).join(Conversation, Conversation.customer_id == Complaint.customer_id)
    for complaint in session.scalars(mine.where(Conversation.id == conversation_id)):
        if not names.isdisjoint(complaint.photos):
            complaint.photos = [name for name in complaint.photos if name not in names]


def _unlink(settings: Settings, name: str) -> bool:
    """Whether there was such a file. A name with a folder in it is none of ours."""
    if Path(name).name != name:
        return False
    path = settings.var_dir / FOLDER / name
    there = path.is_file()
    path.unlink(missing_ok=True)
    return there


def _files(settings: Settings) -> Iterator["os.DirEntry[str]"]:
    folder = settings.var_dir / FOLDER
    if not folder.is_dir():
        return
    with os.scandir(folder) as entries:
        yield from (entry for entry in entries if entry.is_file(follow_symlinks=False))


def _named(session: Session) -> set[str]:
    """Every file that a message, a complaint or an outgoing picture names."""
    named: set[str] = set()
    with_photo = select(Message.attachments).where(cast(Message.attachments, Text) != "[]")
    for items in session.scalars(with_photo.execution_options(yield_per=1000)):
        named |= {str(item.get("path")) for item in items}
    for photos in session.scalars(select(Complaint.photos).where(cast(Complaint.photos, Text) != "[]")):
        named |= set(map(str, photos))
    sent = select(Outbox.body).where(cast(Outbox.body, Text).like(f'%"{FOLDER}/%'))
    for body in session.scalars(sent.execution_options(yield_per=1000)):
        named.add(Path(str(body.get("photo"))).name)
    return named
