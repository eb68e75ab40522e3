"""What each person of the staff has read, and where they were called by name."""

from sqlalchemy import func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from crm import clock
from crm.models.conversations import Message
from crm.models.inbox import ConversationRead, Mention
from crm.models.staff import Staff


def mention(session: Session, conversation_id: int, colleague: Staff, by: Staff) -> None:
    """Calls a colleague to the conversation: it waits for them until they look. Nobody calls themselves."""
    if colleague.id != by.id:
        call = Mention(conversation_id=conversation_id, staff_id=colleague.id, by_id=by.id, at=clock.now())
        session.add(call)


def mentioned(session: Session, staff_id: int, limit: int) -> set[int]:
    """Numbers of the conversations to which this person was called and has not come yet."""
    unseen = select(Mention.conversation_id).where(Mention.staff_id == staff_id, Mention.seen_at.is_(None))
    return set(session.scalars(unseen.distinct().limit(limit)))


def seen(session: Session, conversation_id: int, staff_id: int) -> None:
    """The person has the conversation before them: read to its newest message, and come where they were called."""
    newest = session.scalar(select(func.max(Message.id)).where(Message.conversation_id == conversation_id))
    make = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    values = {"conversation_id": conversation_id, "staff_id": staff_id, "message_id": newest or 0}
    row = make(ConversationRead).values(values)
    further = row.excluded.message_id > ConversationRead.message_id
    keys = [ConversationRead.conversation_id, ConversationRead.staff_id]
    session.execute(
        row.on_conflict_do_update(index_elements=keys, set_={"message_id": row.excluded.message_id}, where=further)
    )
    mine = update(Mention).where(Mention.conversation_id == conversation_id, Mention.staff_id == staff_id)
    session.execute(mine.where(Mention.seen_at.is_(None)).values(seen_at=clock.now()))


def is_unseen(session: Session, conversation_id: int, staff_id: int) -> bool:
    """Whether `seen` would change anything; only looks."""
    read = session.get(ConversationRead, (conversation_id, staff_id))
    newest = session.scalar(select(func.max(Message.id)).where(Message.conversation_id == conversation_id))
    called = select(Mention.id).where(
        Mention.conversation_id == conversation_id, Mention.staff_id == staff_id, Mention.seen_at.is_(None)
    )
    return (newest or 0) > (read.message_id if read else 0) or session.scalar(called.limit(1)) is not None
