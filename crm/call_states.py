"""A call for a person in itself: finding it, and the one place where its state and its holder change."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import clock, service_levels
from crm.errors import AlreadyHeld, IllegalTransition, NotFound
from crm.models.conversations import Escalation, EscalationState
from crm.models.staff import Staff
from crm.settings import settings

ALIVE = (EscalationState.OPEN, EscalationState.CLAIMED)
_LEGAL = {
    EscalationState.OPEN: {EscalationState.CLAIMED, EscalationState.CLOSED},
    # CLAIMED again: another person has it now.
    EscalationState.CLAIMED: {EscalationState.CLAIMED, EscalationState.OPEN, EscalationState.CLOSED},
    EscalationState.CLOSED: set[EscalationState](),
}


def current(session: Session, conversation_id: int, *, lock: bool = False) -> Escalation | None:
    """The conversation's escalation that is not closed, if any; `lock` holds it still until the transaction ends."""
    alive = select(Escalation).where(Escalation.conversation_id == conversation_id, Escalation.state.in_(ALIVE))
    if lock:
        alive = alive.with_for_update(of=Escalation).execution_options(populate_existing=True)
    return session.scalar(alive.order_by(Escalation.id.desc()).limit(1))


def locked(session: Session, escalation_id: int) -> Escalation:
    """The escalation as it is now, held still until the transaction ends; raises NotFound."""
    wanted = select(Escalation).where(Escalation.id == escalation_id).with_for_update(of=Escalation)
    escalation = session.scalar(wanted.execution_options(populate_existing=True))
    if escalation is None:
        raise NotFound(f"escalation {escalation_id}")
    return escalation


def check_holder(escalation: Escalation, staff: Staff) -> None:
    """Raises AlreadyHeld when somebody else holds it."""
    if escalation.state is EscalationState.CLAIMED and escalation.staff_id != staff.id:
        raise AlreadyHeld(f"escalation {escalation.id} is held by staff {escalation.staff_id}")


def move(session: Session, escalation: Escalation, to: EscalationState, staff: Staff | None) -> None:
    """Changes the state, and who holds it (`staff`; None: nobody). Raises IllegalTransition."""
    if to not in _LEGAL[escalation.state]:
        raise IllegalTransition(f"escalation {escalation.id}: {escalation.state.value} → {to.value}")
    moment = clock.now()
    escalation.state = to
    if to is EscalationState.CLOSED:
        escalation.closed_at, escalation.waiting_since, escalation.due_back_at = moment, None, None
        service_levels.call_closed(session, escalation)
        return
    escalation.staff, escalation.claimed_at = staff, moment if staff is not None else None
    escalation.due_back_at = due_back(escalation, moment)
    session.flush()
    if staff is not None:
        service_levels.call_claimed(session, escalation, staff)


def due_back(escalation: Escalation, moment: datetime) -> datetime | None:
    """When a hold that nobody touches from `moment` on ends; None while nobody waits for a holder, or for ever."""
    held = escalation.state is EscalationState.CLAIMED and escalation.waiting_since is not None
    return moment + timedelta(seconds=settings().hold_expires_s) if held and settings().hold_expires_s else None


def page(escalation: Escalation) -> str:
    """Where the console shows the conversation."""
    return f"/conversations/{escalation.conversation_id}"
