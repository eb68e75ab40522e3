"""Calls for a person: the queue, who holds a conversation, and handing it back to the assistant."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from crm import audit, call_states, clock, dealing, outbox, promises, reads, service_levels, templates
from crm.call_states import ALIVE
from crm.call_states import current as current
from crm.models.conversations import (
    Author,
    BackReason,
    Conversation,
    Escalation,
    EscalationReason,
    EscalationState,
    Mode,
)
from crm.models.messaging import OutboxKind
from crm.models.staff import Staff
from crm.outbox import Button, Content

PATIENCE = timedelta(minutes=2)
NOTICE_EVERY_S = 600
RESUME = "/resume_assistant"  # what the way back means; Rasa never sees it
# What the assistant says at a reason of its own; OTHER, and none, have the common words.
_SPOKEN: dict[BackReason | None, str] = {
    BackReason.SOLVED: "handover_ended_solved",
    BackReason.WAITING: "handover_ended_waiting",
    BackReason.INFORMED: "handover_ended_informed",
}


def open_for(
    session: Session, conversation: Conversation, reason: EscalationReason, *, note: str = "", silence: bool = True
) -> Escalation:
    """Puts the conversation in the staff queue; a second call while one is alive returns that one.

    Args:
        silence: whether the assistant stops answering now (a low rating only asks staff to look).
    """
    escalation, opened = _alive(session, conversation, reason, note)
    if silence:  # after the call is locked: those who claim lock the call first, then the conversation's own row
        conversation.mode = Mode.PEOPLE
    if opened:
        dealing.deal(session, escalation)
    return escalation


def closed_since(session: Session, conversation_id: int, moment: datetime) -> bool:
    """Whether people have handed the conversation back after `moment`."""
    closed = select(Escalation.id).where(Escalation.conversation_id == conversation_id, Escalation.closed_at > moment)
    return session.scalar(closed.limit(1)) is not None


def queue(session: Session) -> list[Escalation]:
    """Escalations that are not closed: those nobody holds first, each group longest waiting first."""
    alive = (
        select(Escalation)
        .where(Escalation.state.in_(ALIVE))
        .options(joinedload(Escalation.conversation).joinedload(Conversation.customer), joinedload(Escalation.staff))
    )
    return list(session.scalars(alive.order_by(Escalation.state.desc(), Escalation.opened_at)))


def claim(session: Session, escalation_id: int, staff: Staff) -> Escalation:
    """Takes the conversation. Compare-and-set: raises AlreadyHeld when somebody else holds it."""
    escalation = _hold(session, escalation_id, staff)
    _join(session, escalation)
    return escalation


def customer_wrote(session: Session, conversation_id: int) -> None:
    """The customer waits for a person's word from now on, if one is called; an untouched hold begins to run out.

    To be called before the turn changes the conversation's own row: those who claim lock the call first, then that.
    """
    alive = current(session, conversation_id, lock=True)
    if alive is None:
        return
    moment = clock.now()
    alive.waiting_since = alive.waiting_since or moment
    alive.due_back_at = alive.due_back_at or call_states.due_back(alive, moment)


def reply(session: Session, escalation_id: int, staff: Staff, text: str, photo: str | None = None) -> None:
    """Sends a person's answer. Raises AlreadyHeld or IllegalTransition unless `staff` holds the conversation."""
    say(session, escalation_id, staff, Content(text, photo=photo))


def say(
    session: Session,
    escalation_id: int,
    staff: Staff,
    content: Content,
    dedupe_key: str | None = None,
    *,
    answers: bool = True,
) -> Escalation:
    """As `reply`, for any content. `dedupe_key` as in `outbox.enqueue`.

    Args:
        answers: False for words that only promise the answer: what a person promised before is not kept by them.
    """
    escalation = claim(session, escalation_id, staff)
    outbox.enqueue(
        session,
        escalation.conversation.account,
        content,
        kind=OutboxKind.REPLY,
        author=Author.STAFF,
        staff_id=staff.id,
        dedupe_key=dedupe_key,
    )
    escalation.waiting_since = escalation.due_back_at = None
    reads.seen(session, escalation.conversation_id, staff.id)
    service_levels.call_answered(session, escalation, staff, answers=answers)
    return escalation


def hand_back(
    session: Session, escalation_id: int, staff: Staff, reason: BackReason | None = None, note: str = ""
) -> None:
    """Closes the escalation: the assistant answers again, and the customer is told in words that fit `reason`.

    `note`: for colleagues; never sent, but part of a copy of the customer's data.
    """
    escalation = _hold(session, escalation_id, staff)
    escalation.back_reason, escalation.back_note = reason, note[:500]
    call_states.move(session, escalation, EscalationState.CLOSED, staff)
    conversation = escalation.conversation
    if conversation.mode is Mode.PEOPLE:  # else the assistant never fell silent, and there is nothing to tell
        conversation.mode = Mode.ASSISTANT
        _tell(session, escalation, _SPOKEN.get(reason, "handover_ended"))
    audit.record(session, staff, "hand_back", "escalation", escalation.id)
    dealing.deal_waiting(session)


def take_over(session: Session, conversation: Conversation, staff: Staff) -> Escalation:
    """A person steps in without having been called. Raises AlreadyHeld when somebody else holds it."""
    alive, _opened = _alive(session, conversation, EscalationReason.ASKED, "")
    return claim(session, alive.id, staff)


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
    waiting = current(session, conversation.id, lock=True)
    if waiting is None or waiting.state is not EscalationState.OPEN:
        return
    call_states.move(session, waiting, EscalationState.CLOSED, None)
    conversation.mode = Mode.ASSISTANT
    promises.person_unneeded(session, conversation.id, clock.now())
    _tell(session, waiting, "assistant_resumed")


def _alive(
    session: Session, conversation: Conversation, reason: EscalationReason, note: str
) -> tuple[Escalation, bool]:
    """The conversation's call that is not closed, locked with the conversation, and whether it was opened just now.

    Two who find none at once both open one: the database keeps the first (uq_escalations_alive), and the second, who
    waits there until the first has committed, joins it.
    """
    alive, opened = current(session, conversation.id, lock=True), False
    if alive is None:
        try:
            with session.begin_nested():
                alive, opened = _open(session, conversation, reason, note), True
        except IntegrityError:
            alive = current(session, conversation.id, lock=True)
            if alive is None:
                raise
    # It may have been handed back while we waited. Messages are still added meanwhile: the lock spares the key.
    session.flush()
    session.refresh(conversation, ["mode"], with_for_update={"key_share": True})
    return alive, opened


def _open(session: Session, conversation: Conversation, reason: EscalationReason, note: str) -> Escalation:
    moment = clock.now()
    escalation = Escalation(
        conversation_id=conversation.id,
        conversation=conversation,
        reason=reason,
        note=note,
        state=EscalationState.OPEN,
        opened_at=moment,
        waiting_since=moment,
    )
    session.add(escalation)
    session.flush()
    service_levels.call_opened(session, escalation)
    return escalation


def _hold(session: Session, escalation_id: int, staff: Staff) -> Escalation:
    escalation = call_states.locked(session, escalation_id)
    call_states.check_holder(escalation, staff)
    if escalation.state is not EscalationState.CLAIMED:
        call_states.move(session, escalation, EscalationState.CLAIMED, staff)
        audit.record(session, staff, "claim", "escalation", escalation.id)
    return escalation


def _join(session: Session, escalation: Escalation) -> None:
    """The assistant falls silent when a person begins, and the customer is told."""
    if escalation.conversation.mode is Mode.ASSISTANT:
        escalation.conversation.mode = Mode.PEOPLE
        _tell(session, escalation, "staff_joined")


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
