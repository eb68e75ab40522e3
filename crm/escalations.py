"""Calls for a person: the queue, who holds a conversation, and handing it back to the assistant."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from crm import audit, clock, outbox, templates
from crm.errors import AlreadyHeld, IllegalTransition, NotFound
from crm.models.conversations import Author, Conversation, Escalation, EscalationReason, EscalationState, Mode
from crm.models.messaging import OutboxKind
from crm.models.staff import Staff
from crm.outbox import Button, Content

PATIENCE = timedelta(minutes=2)
NOTICE_EVERY_S = 600
RESUME = "/resume_assistant"  # what the way back means; Rasa never sees it
_ALIVE = (EscalationState.OPEN, EscalationState.CLAIMED)


def open_for(
    session: Session, conversation: Conversation, reason: EscalationReason, *, note: str = "", silence: bool = True
) -> Escalation:
    """Puts the conversation in the staff queue; a second call while one is alive returns that one.

    Args:
        silence: whether the assistant stops answering now (a low rating only asks staff to look).
    """
    if silence:
        conversation.mode = Mode.PEOPLE
    alive = current(session, conversation.id)
    if alive is not None:
        return alive
    escalation = Escalation(
        conversation_id=conversation.id,
        conversation=conversation,
        reason=reason,
        note=note,
        state=EscalationState.OPEN,
        opened_at=clock.now(),
    )
    session.add(escalation)
    session.flush()
    return escalation


def current(session: Session, conversation_id: int) -> Escalation | None:
    """The conversation's escalation that is not closed, if any."""
    alive = select(Escalation).where(Escalation.conversation_id == conversation_id, Escalation.state.in_(_ALIVE))
    return session.scalar(alive.order_by(Escalation.id.desc()).limit(1))


def closed_since(session: Session, conversation_id: int, moment: datetime) -> bool:
    """Whether people have handed the conversation back after `moment`."""
    closed = select(Escalation.id).where(Escalation.conversation_id == conversation_id, Escalation.closed_at > moment)
    return session.scalar(closed.limit(1)) is not None


def queue(session: Session) -> list[Escalation]:
    """Escalations that are not closed: those nobody holds first, each group longest waiting first."""
    alive = (
        select(Escalation)
        .where(Escalation.state.in_(_ALIVE))
        .options(joinedload(Escalation.conversation).joinedload(Conversation.customer), joinedload(Escalation.staff))
    )
    return list(session.scalars(alive.order_by(Escalation.state.desc(), Escalation.opened_at)))


def claim(session: Session, escalation_id: int, staff: Staff) -> Escalation:
    """Takes the conversation. Compare-and-set: raises AlreadyHeld when somebody else holds it."""
    escalation = _locked(session, escalation_id)
    if escalation.state is EscalationState.CLAIMED and escalation.staff_id != staff.id:
        raise AlreadyHeld(f"escalation {escalation_id} is held by staff {escalation.staff_id}")
    if escalation.state is EscalationState.CLOSED:
        raise IllegalTransition(f"escalation {escalation_id} is closed")
    if escalation.state is EscalationState.OPEN:
        escalation.state, escalation.staff_id, escalation.claimed_at = EscalationState.CLAIMED, staff.id, clock.now()
        if escalation.conversation.mode is Mode.ASSISTANT:
            escalation.conversation.mode = Mode.PEOPLE
            _tell(session, escalation, "staff_joined")
        audit.record(session, staff, "claim", "escalation", escalation.id)
    return escalation


def reply(session: Session, escalation_id: int, staff: Staff, text: str, photo: str | None = None) -> None:
    """Sends a person's answer. Raises AlreadyHeld or IllegalTransition unless `staff` holds the conversation."""
    escalation = claim(session, escalation_id, staff)
    outbox.enqueue(
        session,
        escalation.conversation.account,
        Content(text, photo=photo),
        kind=OutboxKind.REPLY,
        author=Author.STAFF,
        staff_id=staff.id,
    )


def hand_back(session: Session, escalation_id: int, staff: Staff) -> None:
    """Closes the escalation: the assistant answers again, and the customer is told."""
    escalation = claim(session, escalation_id, staff)
    escalation.state, escalation.closed_at = EscalationState.CLOSED, clock.now()
    conversation = escalation.conversation
    conversation.mode = Mode.ASSISTANT
    _tell(session, escalation, "handover_ended")
    audit.record(session, staff, "hand_back", "escalation", escalation.id)


def take_over(session: Session, conversation: Conversation, staff: Staff) -> Escalation:
    """A person steps in without having been called."""
    return claim(session, open_for(session, conversation, EscalationReason.ASKED).id, staff)


def keep_company(session: Session, conversation: Conversation) -> None:
    """Tells somebody who waits in the queue and writes that they are not forgotten, with a way back to the assistant.

    Only while nobody has claimed the conversation, not in the first minutes, and once in ten minutes.
    """
    waiting, moment = current(session, conversation.id), clock.now()
    if waiting is None or waiting.state is not EscalationState.OPEN or moment - waiting.opened_at < PATIENCE:
        return
    back = Button(templates.plain("button_resume"), RESUME)
    _tell(session, waiting, "still_waiting", [[back]], occasion=str(int(moment.timestamp() // NOTICE_EVERY_S)))


def resume_assistant(session: Session, conversation: Conversation) -> None:
    """The customer would rather have the assistant; nothing changes once a person has claimed the conversation."""
    waiting = current(session, conversation.id)
    if waiting is None or waiting.state is not EscalationState.OPEN:
        return
    waiting.state, waiting.closed_at = EscalationState.CLOSED, clock.now()
    conversation.mode = Mode.ASSISTANT
    _tell(session, waiting, "assistant_resumed")


def _tell(
    session: Session, escalation: Escalation, key: str, buttons: Sequence[Sequence[Button]] = (), occasion: str = ""
) -> None:
    conversation = escalation.conversation
    outbox.enqueue(
        session,
        conversation.account,
        Content(templates.message(key, conversation.customer), buttons=buttons),
        kind=OutboxKind.REPLY,
        dedupe_key=f"{key}:{escalation.id}:{occasion}",
    )


def _locked(session: Session, escalation_id: int) -> Escalation:
    escalation = session.scalar(select(Escalation).where(Escalation.id == escalation_id).with_for_update())
    if escalation is None:
        raise NotFound(f"escalation {escalation_id}")
    return escalation
