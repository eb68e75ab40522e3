"""Who of the staff is typing: colleagues see it, and the customer's Telegram is told so. Light, and never certain."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, Select, or_, select, update
from sqlalchemy.orm import Session

from crm import clock, escalations
from crm.errors import AlreadyHeld
from crm.models.conversations import Conversation
from crm.models.people import ChannelAccount
from crm.models.staff import Staff
from crm.models.talk import TypingSign

FRESH = timedelta(seconds=6)
# Telegram shows "typing" for five seconds.
TELL_EVERY = timedelta(seconds=4.5)


@dataclass(frozen=True)
class Signal:
    """A chat in which somebody types now."""

    conversation_id: int
    chat_id: int


def mark(session: Session, conversation_id: int, staff: Staff) -> None:
    """`staff`, who must hold the conversation, is typing now. Raises AlreadyHeld."""
    held = escalations.current(session, conversation_id)
    if held is None or held.staff_id != staff.id:
        raise AlreadyHeld(f"conversation {conversation_id} is not held by staff {staff.id}")
    sign = session.get(TypingSign, conversation_id)
    if sign is None:
        sign = TypingSign(conversation_id=conversation_id)
        session.add(sign)
    sign.staff_id, sign.at = staff.id, clock.now()


def stop(session: Session, conversation_id: int, staff: Staff) -> None:
    """`staff` has sent what was typed, or thrown it away."""
    sign = session.get(TypingSign, conversation_id)
    if sign is not None and sign.staff_id == staff.id:
        sign.at = clock.now() - FRESH


def who(session: Session, conversation_id: int) -> tuple[int, str] | None:
    """Number and name of whoever types now."""
    typing = select(Staff.id, Staff.name).join(TypingSign, TypingSign.staff_id == Staff.id)
    row = session.execute(
        typing.where(TypingSign.conversation_id == conversation_id, TypingSign.at > clock.now() - FRESH)
    ).first()
    return (row[0], row[1]) if row is not None else None


def typists(session: Session, conversation_ids: Collection[int]) -> dict[int, int]:
    """Whoever types now, by conversation."""
    now = select(TypingSign.conversation_id, TypingSign.staff_id).where(TypingSign.at > clock.now() - FRESH)
    return dict(session.execute(now.where(TypingSign.conversation_id.in_(conversation_ids))).all())


def is_any(session: Session, bot_id: int) -> bool:
    """Whether some customer's Telegram is to be told now. Only reads."""
    return session.scalar(_due(bot_id).limit(1)) is not None


def take(session: Session, bot_id: int, limit: int = 10) -> list[Signal]:
    """The chats to be told now, each by one process only: they count as told from here on."""
    moment, signals = clock.now(), []
    for conversation_id, chat_id in session.execute(
        _due(bot_id).with_only_columns(TypingSign.conversation_id, ChannelAccount.chat_id).limit(limit)
    ).all():
        mine = update(TypingSign).where(TypingSign.conversation_id == conversation_id, *_untold())
        won: CursorResult[Any] = session.execute(mine.values(told_at=moment))  # type: ignore[assignment]
        if won.rowcount:
            signals.append(Signal(conversation_id, chat_id))
    return signals


def _due(bot_id: int) -> Select[Any]:
    typing = (
        select(TypingSign.conversation_id)
        .join(Conversation, Conversation.id == TypingSign.conversation_id)
        .join(ChannelAccount, ChannelAccount.id == Conversation.account_id)
    )
    return typing.where(ChannelAccount.bot_id == bot_id, ChannelAccount.reachable, *_untold())


def _untold() -> tuple[ColumnElement[bool], ...]:
    moment = clock.now()
    untold = or_(TypingSign.told_at.is_(None), TypingSign.told_at < moment - TELL_EVERY)
    return (TypingSign.at > moment - FRESH, untold)
