"""What the parts of an open conversation share: what they look at, and how they say that something changed."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from console.desk import look
from console.visits import Visit
from crm import escalations, notes, promises, scheduled_replies, service_levels, threads, typing_state
from crm.errors import IllegalTransition
from crm.models.conversations import Conversation, Escalation
from crm.models.service import Promise
from crm.models.talk import Note, ScheduledReply
from crm.service_clocks import ClockView
from crm.threads import Line


@dataclass(frozen=True)
class Sight:
    """The conversation as it is now; `lines` and `notes` are those that were asked for."""

    conversation: Conversation
    lines: list[Line]
    notes: list[Note]
    escalation: Escalation | None
    holder: str
    planned: list[ScheduledReply] = field(default_factory=list)
    promised: list[Promise] = field(default_factory=list)
    clocks: list[ClockView] = field(default_factory=list)
    typist: tuple[int, str] | None = None

    def held_by(self, visit: Visit) -> bool:
        return self.escalation is not None and self.escalation.staff_id == visit.visitor.staff_id


@dataclass
class Talk:
    """An open conversation of one screen. `changed`: somebody here did something, so look again."""

    visit: Visit
    conversation_id: int
    changed: Callable[[], Awaitable[None]]

    def alive(self, session: Session) -> int:
        """The number of the call that is being answered; raises IllegalTransition once it was handed back."""
        alive = escalations.current(session, self.conversation_id)
        if alive is None:
            raise IllegalTransition(f"conversation {self.conversation_id} has been handed back")
        return alive.id

    async def older(self, before: int, moment: datetime) -> tuple[list[Line], list[Note]]:
        """The page of messages above number `before`, and the notes of the same time."""

        def read(session: Session) -> tuple[list[Line], list[Note]]:
            lines = threads.latest(session, self.conversation_id, before=before)
            start = lines[0].at if len(lines) >= threads.PAGE else None
            return lines, notes.within(session, self.conversation_id, start, moment)

        return await look(read)


def first_sight(session: Session, conversation_id: int, hit: int = 0) -> Sight:
    """The newest page; with `hit`, the page around that message. Raises NotFound."""
    found = threads.conversation(session, conversation_id)
    if hit:
        above = threads.latest(session, conversation_id, threads.PAGE, before=hit)
        lines = above + threads.later(session, conversation_id, hit - 1, threads.PAGE)
    else:
        lines = threads.latest(session, conversation_id)
    start = lines[0].at if len(lines) >= threads.PAGE else None
    end = lines[-1].at if hit and lines else None
    return _sight(session, found, lines, notes.within(session, conversation_id, start, end))


def next_sight(session: Session, conversation_id: int, after: int, after_note: int, watched: list[int]) -> Sight:
    """What came after those numbers, and the `watched` messages as they are now."""
    found = threads.conversation(session, conversation_id)
    moved = threads.among(session, conversation_id, watched)
    lines = moved + threads.later(session, conversation_id, after)
    return _sight(session, found, lines, notes.later(session, conversation_id, after_note))


def _sight(session: Session, found: Conversation, lines: list[Line], noted: list[Note]) -> Sight:
    alive = escalations.current(session, found.id)
    clocks = service_levels.clocks_of_calls(session, [alive.id]).get(alive.id, []) if alive is not None else []
    return Sight(
        conversation=found,
        lines=lines,
        notes=noted,
        escalation=alive,
        holder=alive.staff.name if alive is not None and alive.staff is not None else "",
        planned=list(scheduled_replies.waiting(session, found.id)),
        promised=promises.of_conversation(session, found.id),
        clocks=clocks,
        typist=typing_state.who(session, found.id),
    )
