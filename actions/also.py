"""After a response that the rules utter by themselves: what else the message holds."""

from sqlalchemy.orm import Session

from actions.base import CareAction
from actions.turn import Reply, Turn


class ActionAlso(CareAction):
    """Says nothing of its own: the second question and an unfinished complaint are what every action looks after."""

    action = "action_also"
    redirects = False

    def act(self, session: Session, turn: Turn, reply: Reply) -> None:
        pass
