"""A complaint that was left in the middle: offered again after a long silence, gone on with, or dropped."""

from sqlalchemy.orm import Session

from actions.base import CareAction
from actions.complaint import forget
from actions.drafts import draft_of, offer
from actions.turn import Reply, Turn


class ActionOfferDraft(CareAction):
    """Says where the complaint was left; what the customer just said was most likely meant for it."""

    action = "action_offer_draft"
    redirects = False
    ends_turn = True

    def act(self, session: Session, turn: Turn, reply: Reply) -> None:
        offer(turn, reply)


class ActionResumeComplaint(CareAction):
    """The form asks on from the first question without an answer."""

    action = "action_resume_complaint"
    redirects = False

    def act(self, session: Session, turn: Turn, reply: Reply) -> None:
        reply.set(expecting=None)
        if draft_of(turn) is None:
            reply.say("utter_affirm")
            reply.follow("action_listen")
            return
        reply.say("utter_complaint_resumed")
        reply.set(complaint_confirm=None, complaint_edit=None)
        reply.follow("complaint_form")


class ActionDropComplaint(CareAction):
    """The customer does not want it any more."""

    action = "action_drop_complaint"
    redirects = False
    ends_turn = True

    def act(self, session: Session, turn: Turn, reply: Reply) -> None:
        reply.say("utter_complaint_cancelled")
        reply.set(expecting=None)
        forget(reply)
