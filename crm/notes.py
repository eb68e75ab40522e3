"""Notes at a conversation, never sent, and the colleagues they call by name. A copy of a person's data holds them."""

import re
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from crm import clock, reads, staff_notices, text, threads
from crm.errors import InvalidInput
from crm.models.service import NoticeKind
from crm.models.staff import Role, Staff
from crm.models.talk import Note

LONGEST = 4000
# Who may open a conversation at all.
READERS = (Role.AGENT, Role.LEAD, Role.ADMIN, Role.OWNER)
_CALLED = re.compile(r"@([\w.-]+)")


def write(session: Session, conversation_id: int, staff: Staff, words: str) -> Note:
    """Adds the note and tells those whom it calls as @username or @given-name. Raises NotFound and InvalidInput."""
    words = text.clean(words)
    if not words or len(words) > LONGEST:
        raise InvalidInput("note", f"1 to {LONGEST} characters")
    conversation = threads.conversation(session, conversation_id)
    note = Note(conversation_id=conversation_id, staff_id=staff.id, text=words, at=clock.now())
    session.add(note)
    session.flush()
    for colleague in called(session, words, staff):
        reads.mention(session, conversation_id, colleague, staff)
        staff_notices.tell_colleague(
            session,
            colleague,
            NoticeKind.MENTION,
            by=staff,
            key=f"note:{note.id}",
            target=f"/conversations/{conversation_id}",
            customer=conversation.customer,
        )
    return note


def called(session: Session, words: str, by: Staff) -> list[Staff]:
    """The colleagues named in `words`; a given name that several have calls all of them."""
    names = {text.fold(name).strip(".-") for name in _CALLED.findall(words)}
    if not names:
        return []
    return [each for each in colleagues(session, by) if names & handles(each)]


def colleagues(session: Session, of: Staff) -> Sequence[Staff]:
    """Everybody else who works at conversations, by name."""
    return others(session, of.id)


def others(session: Session, staff_id: int) -> Sequence[Staff]:
    """As `colleagues`, for a person known by number."""
    wanted = select(Staff).where(Staff.active, Staff.role.in_(READERS), Staff.id != staff_id)
    return session.scalars(wanted.order_by(Staff.name)).all()


def handles(staff: Staff) -> set[str]:
    """What a person is called by after an @: username and given name, without accents."""
    return {text.fold(staff.username), text.fold(text.given_name(staff.name))} - {""}


def within(
    session: Session, conversation_id: int, start: datetime | None, end: datetime | None = None, limit: int = 200
) -> list[Note]:
    """The last notes from `start` on and before `end`, oldest first; None: without that bound."""
    wanted = select(Note).where(Note.conversation_id == conversation_id)
    if start is not None:
        wanted = wanted.where(Note.at >= start)
    if end is not None:
        wanted = wanted.where(Note.at < end)
    found = session.scalars(wanted.options(joinedload(Note.staff)).order_by(Note.id.desc()).limit(limit))
    return list(reversed(found.all()))


def later(session: Session, conversation_id: int, after: int) -> list[Note]:
    """The notes with numbers above `after`, oldest first."""
    wanted = select(Note).where(Note.conversation_id == conversation_id, Note.id > after)
    return list(session.scalars(wanted.options(joinedload(Note.staff)).order_by(Note.id)).all())
