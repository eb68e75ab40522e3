"""Conversations given out in turn to those who are there, where the shop wants it so (`TRIAN_ROUND_ROBIN`)."""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import audit, availability, call_order, call_states
from crm.models.conversations import Conversation, Escalation, EscalationState
from crm.models.staff import Staff
from crm.settings import settings


def deal(session: Session, escalation: Escalation, without: Collection[int] = ()) -> Staff | None:
    """Gives a call that nobody holds to whose turn it is; None: it stays in the queue.

    The assistant goes on answering if it still does: nobody has looked yet.
    """
    if not settings().round_robin or (chosen := availability.next_in_turn(session, without)) is None:
        return None
    call_states.move(session, escalation, EscalationState.CLAIMED, chosen)
    audit.record(session, None, "deal", "escalation", escalation.id, to=chosen.id)
    return chosen


def deal_waiting(session: Session) -> int:
    """Gives the calls that wait out, in their order, while somebody can hold one more; how many."""
    waiting = select(Escalation).join(Escalation.conversation).join(Conversation.customer)
    waiting = waiting.where(Escalation.state == EscalationState.OPEN).order_by(*call_order.order()).limit(1)
    first = waiting.with_for_update(of=Escalation, skip_locked=True)
    if not settings().round_robin:
        return 0
    availability.hold_turn(session)  # before the look: a call that somebody looks at in vain would be passed over
    dealt = 0
    while (call := session.scalar(first)) is not None and deal(session, call) is not None:
        dealt += 1
    return dealt


def set_present(session: Session, staff: Staff, present: bool) -> None:
    """The person says that they are there, or not. Who comes may be given what waits."""
    if availability.mark(session, staff, present) and present:
        deal_waiting(session)
