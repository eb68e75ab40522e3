"""Handing the conversation to a person."""

from sqlalchemy.orm import Session

from actions.base import CareAction
from actions.complaint import forget
from actions.turn import Reply, Turn
from crm import clock, escalations, promises, triage
from crm.models.conversations import EscalationReason
from crm.settings import settings
from crm.shop import shop


def hand_over(session: Session, turn: Turn, reply: Reply, reason: EscalationReason, note: str) -> None:
    """Calls a person, silences the assistant, and tells the customer when somebody will be there."""
    escalations.open_for(session, turn.conversation(session), reason, note=note[:500])
    staffed = promises.is_staffed(clock.now(), settings().zone, shop())
    reply.say("utter_handover" if staffed else "utter_handover_out_of_hours")


class ActionTalkToHuman(CareAction):
    """The customer asked for a person, or said yes to one; an unfinished complaint goes along as a note."""

    action = "action_talk_to_human"
    writes = True
    listens = False
    ends_turn = True

    def act(self, session: Session, turn: Turn, reply: Reply) -> None:
        if triage.is_dangerous(turn.text):
            reply.say("utter_safety_first")
        story = str(turn.slot("complaint_description") or turn.slot("question") or "")
        note = " | ".join(part for part in (turn.text, story) if part)
        hand_over(session, turn, reply, EscalationReason.ASKED, note)
        if turn.slot("complaint_description") is not None:
            forget(reply)
