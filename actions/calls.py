"""Calling a person into the conversation."""

from sqlalchemy.orm import Session

from actions.turn import Reply, Turn
from crm import clock, escalations, promises
from crm.models.conversations import EscalationReason
from crm.settings import settings
from crm.shop import shop


def hand_over(session: Session, turn: Turn, reply: Reply, reason: EscalationReason, note: str) -> None:
    """Calls a person, silences the assistant, and tells the customer when somebody will be there."""
    escalations.open_for(session, turn.conversation(session), reason, note=note[:500])
    staffed = promises.is_staffed(clock.now(), settings().zone, shop())
    if not staffed:
        promises.at_opening(session, turn.conversation(session))
    reply.say("utter_handover" if staffed else "utter_handover_out_of_hours")
