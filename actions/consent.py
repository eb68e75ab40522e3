"""Stopping and resuming advertising."""

from sqlalchemy.orm import Session

from actions.base import CareAction
from actions.turn import Reply, Turn, button
from crm import clock, consents, receipts
from crm.models.people import Purpose
from crm.settings import settings
from crm.words import is_just, label, mentioned, words

SURE = 0.6  # of a message that names what shall stop
VERY_SURE = 0.9  # of one that does not: "no more" may be said of much


def means_it(turn: Turn) -> bool:
    """Whether it is sure that advertising shall stop: a button, a command, a yes to our question, or plain words."""
    if turn.pressed or turn.slot("expecting") == "opt_out" or is_just(turn.text, words("dialogue")["stop_commands"]):
        return True
    names = mentioned(turn.text, words("dialogue")["advertising"]) is not None
    return turn.confidence >= (SURE if names else VERY_SURE)


class ActionOptOut(CareAction):
    """Obeyed at once where it is sure, else asked back; greetings stop too when the customer says so."""

    action = "action_opt_out"
    writes = True
    listens = False
    ends_turn = True

    def act(self, session: Session, turn: Turn, reply: Reply) -> None:
        if not means_it(turn):
            yes, no = button(label("buttons.stop_advertising"), "opt_out"), button(label("buttons.keep"), "deny")
            reply.say("utter_ask_opt_out", [yes, no])
            if not turn.aside:
                reply.set(expecting="opt_out")
            return
        greetings = mentioned(turn.text, words("dialogue")["greetings"]) is not None
        purposes = [Purpose.MARKETING, *([Purpose.GREETINGS] if greetings else [])]
        when = _record(session, turn, self.action, purposes, granted=False)
        reply.say("utter_opted_out_of_greetings" if greetings else "utter_opted_out", time=when)


class ActionAskOptIn(CareAction):
    """Shows what would be agreed to; nothing is agreed to yet."""

    action = "action_ask_opt_in"

    def act(self, session: Session, turn: Turn, reply: Reply) -> None:
        customer = turn.customer(session)
        if consents.granted(session, customer.id, Purpose.MARKETING):
            reply.say("utter_opted_in_already")
            return
        reply.say("utter_ask_opt_in")
        newest = consents.latest(session, customer.id, Purpose.MARKETING)
        reply.set(expecting="opt_in", opt_in_after=newest.id if newest else None)


class ActionOptIn(CareAction):
    """The customer said yes to what was shown. After a STOP in between (which passes Rasa by) the yes is void."""

    action = "action_opt_in"
    writes = True
    listens = False
    ends_turn = True

    def act(self, session: Session, turn: Turn, reply: Reply) -> None:
        newest = consents.latest(session, turn.customer(session).id, Purpose.MARKETING)
        if newest is not None and not newest.granted and newest.id > int(turn.slot("opt_in_after") or 0):
            reply.say("utter_opt_in_stopped")
            return
        when = _record(session, turn, self.action, [Purpose.MARKETING], granted=True)
        reply.say("utter_opted_in", time=when)


def _record(session: Session, turn: Turn, action: str, purposes: list[Purpose], *, granted: bool) -> str:
    """Writes the ledger, once a turn; returns the local moment from which it holds."""
    customer = turn.customer(session)
    evidence = turn.text or str(turn.tracker.latest_message.get("text") or "")

    def write() -> dict[str, str]:
        for purpose in purposes:
            consents.record(session, customer.id, purpose, granted=granted, channel="telegram", evidence=evidence)
        return {"time": clock.vietnamese_moment(clock.now(), settings().zone)}

    return str(receipts.once(session, turn.turn_id, action, write)["time"])
