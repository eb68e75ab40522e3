"""Yes, no, praise and small talk outside of anything asked. They listen for the answer to a survey first."""

from sqlalchemy.orm import Session

from actions.base import CareAction
from actions.fallback import not_understood
from actions.tone import angry, is_angry, is_dissatisfied
from actions.turn import Reply, Turn


class ActionAffirm(CareAction):
    """A yes to nothing in particular."""

    action = "action_affirm"

    def act(self, session: Session, turn: Turn, reply: Reply) -> None:
        reply.say("utter_affirm")


class ActionDeny(CareAction):
    """A no to nothing in particular, or to an offer that a no simply ends."""

    action = "action_deny"

    def act(self, session: Session, turn: Turn, reply: Reply) -> None:
        reply.say("utter_opt_in_declined" if turn.slot("expecting") == "opt_in" else "utter_deny")


class ActionCompliment(CareAction):
    """Praise."""

    action = "action_compliment"

    def act(self, session: Session, turn: Turn, reply: Reply) -> None:
        reply.say("utter_compliment")


class ActionOutOfScope(CareAction):
    """Nothing a shop can help with: says what it can do. After a misunderstanding it may be one more."""

    action = "action_out_of_scope"
    writes = True
    looks_first = True

    def act(self, session: Session, turn: Turn, reply: Reply) -> None:
        if turn.misunderstood > 1:
            not_understood(session, turn, reply)
        elif is_angry(turn) or is_dissatisfied(turn.text):
            angry(session, turn, reply)
        else:
            reply.say("utter_out_of_scope")
