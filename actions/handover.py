"""Handing the conversation to a person."""

from sqlalchemy.orm import Session

from actions.base import CareAction
from actions.calls import hand_over
from actions.complaint import forget
from actions.turn import Reply, Turn
from crm import triage
from crm.models.conversations import EscalationReason


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
        note = " | ".join(part for part in (turn.whole, story) if part)
        hand_over(session, turn, reply, EscalationReason.ASKED, note)
        if turn.slot("complaint_description") is not None:
            forget(reply)
