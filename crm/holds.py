"""A hold given to a colleague, put back by its holder, or taken back because nobody touched it."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import audit, availability, call_states, clock, dealing, staff_notices
from crm.errors import InvalidInput
from crm.models.conversations import Escalation, EscalationState
from crm.models.service import NoticeKind
from crm.models.staff import Staff


def assign(session: Session, escalation_id: int, to: Staff, by: Staff) -> Escalation:
    """Gives the call to a colleague, whoever holds it now, and tells them. InvalidInput: they cannot have it."""
    if not availability.may_hold(to):
        raise InvalidInput("colleague", "somebody who looks after customers")
    escalation = call_states.locked(session, escalation_id)
    if escalation.state is EscalationState.CLAIMED and escalation.staff_id == to.id:
        return escalation
    call_states.move(session, escalation, EscalationState.CLAIMED, to)
    audit.record(session, by, "assign", "escalation", escalation.id, to=to.id)
    if to.id != by.id:
        key = f"assigned:{escalation.id}:{clock.now().isoformat()}"
        _tell(session, escalation, to.id, NoticeKind.ASSIGNED, key, who=by.name)
    return escalation


def release(session: Session, escalation_id: int, staff: Staff) -> Escalation:
    """The holder puts the conversation back into the queue. Raises AlreadyHeld when somebody else holds it."""
    escalation = call_states.locked(session, escalation_id)
    call_states.check_holder(escalation, staff)
    call_states.move(session, escalation, EscalationState.OPEN, None)
    audit.record(session, staff, "release", "escalation", escalation.id)
    dealing.deal(session, escalation, without=[staff.id])
    return escalation


def leave(session: Session, person: Staff, by: Staff) -> int:
    """Puts every conversation of somebody who may hold none any more back into the queue; how many."""
    theirs = select(Escalation).where(Escalation.staff_id == person.id, Escalation.state == EscalationState.CLAIMED)
    theirs = theirs.order_by(Escalation.id).with_for_update(of=Escalation).execution_options(populate_existing=True)
    found = list(session.scalars(theirs))
    for escalation in found:
        call_states.move(session, escalation, EscalationState.OPEN, None)
        audit.record(session, by, "take_back", "escalation", escalation.id, holder=person.id)
        dealing.deal(session, escalation, without=[person.id])
    return len(found)


def expire(session: Session, moment: datetime, limit: int = 20) -> int:
    """Holds that nobody touched while the customer waited go back to the queue; how many. Former holders are told."""
    late = select(Escalation).where(Escalation.due_back_at <= moment, Escalation.state == EscalationState.CLAIMED)
    late = late.order_by(Escalation.due_back_at).with_for_update(of=Escalation, skip_locked=True).limit(limit)
    found = list(session.scalars(late))
    for escalation in found:
        _take_back(session, escalation)
    return len(found)


def any_expired(session: Session, moment: datetime) -> bool:
    """Whether `expire` would find something; only looks."""
    return session.scalar(select(Escalation.id).where(Escalation.due_back_at <= moment).limit(1)) is not None


def _take_back(session: Session, escalation: Escalation) -> None:
    holder, key = escalation.staff_id or 0, f"hold_lost:{escalation.id}:{escalation.due_back_at}"
    call_states.move(session, escalation, EscalationState.OPEN, None)
    audit.record(session, None, "hold_expired", "escalation", escalation.id, holder=holder)
    _tell(session, escalation, holder, NoticeKind.HOLD_LOST, key)
    dealing.deal(session, escalation, without=[holder])


def _tell(session: Session, escalation: Escalation, staff_id: int, kind: NoticeKind, key: str, who: str = "") -> None:
    customer = escalation.conversation.customer
    staff_notices.tell(
        session,
        [staff_id],
        kind,
        key=key,
        target=call_states.page(escalation),
        customer_id=customer.id,
        name=customer.name,
        who=who,
    )
