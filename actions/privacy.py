"""A person's own data: shown, handed over, corrected, withdrawn from, erased. The chat is the proof of who asks."""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from actions.base import CareAction
from actions.policy import tell_policy
from actions.turn import Reply, Turn, button
from crm import clock, complaints, consents, customers, escalations, personal_data_requests, receipts
from crm.models.care import Complaint
from crm.models.catalogue import Purchase
from crm.models.conversations import Conversation, EscalationReason, Message
from crm.models.people import CalendarKind, Customer
from crm.models.privacy import RequestKind
from crm.settings import settings
from crm.words import label, mentioned, words

SURELY, FINALLY = "erase_surely", "erase_finally"
_ORDER = ("erase", "withdraw", "export", "correct", "see")  # "delete what you hold about me" is no question


class ActionPrivacyRequest(CareAction):
    """Does what is asked about the customer's own data; else says what may be asked, and passes it on to people."""

    action = "action_privacy_request"
    writes = True
    looks_first = True

    def act(self, session: Session, turn: Turn, reply: Reply) -> None:
        wish = _wish(turn)
        match wish:
            case "see":
                _show(session, turn, reply)
            case "export":
                self._note(session, turn, RequestKind.EXPORT)
                reply.say("utter_privacy_export")
            case "correct":
                reply.say("utter_privacy_correct", [_way("correct_name"), _way("correct_phone"), _way("correct_day")])
            case "withdraw":
                self._withdraw(session, turn, reply)
            case "erase" | "erase_surely" | "erase_finally":
                self._erase(session, turn, reply, wish)
            case _:
                self._pass_on(session, turn, reply)

    def _pass_on(self, session: Session, turn: Turn, reply: Reply) -> None:
        """A question about privacy: the article, a person who reads it, and what can be done at once."""
        tell_policy(session, turn, reply, "privacy_request")
        conversation = turn.conversation(session)
        note = turn.text[:500] or self.action

        def call() -> dict[str, str]:
            escalations.open_for(session, conversation, EscalationReason.ASKED, note=note, silence=False)
            return {}

        receipts.once(session, turn.turn_id, self.action, call)
        reply.say("utter_privacy_passed_on", [_button(each) for each in ("see", "export", "withdraw", "erase")])

    def _withdraw(self, session: Session, turn: Turn, reply: Reply) -> None:
        customer = turn.customer(session)

        def write() -> dict[str, str]:
            for purpose in personal_data_requests.PURPOSES:
                said = turn.text[:500]
                consents.record(session, customer.id, purpose, granted=False, channel="telegram", evidence=said)
            return {"time": clock.vietnamese_moment(clock.now(), settings().zone)}

        when = receipts.once(session, turn.turn_id, f"{self.action}:withdraw", write)["time"]
        reply.say("utter_privacy_withdrawn", time=when)

    def _erase(self, session: Session, turn: Turn, reply: Reply, wish: str) -> None:
        """Asks twice, each time with a button, and says what stays by law."""
        if complaints.has_open(session, turn.customer(session).id):
            reply.say("utter_privacy_erase_held", [button(label("buttons.person"), "talk_to_human")])
        elif wish == "erase":
            reply.say("utter_privacy_erase", [_button(SURELY), button(_title("keep"), "deny")])
        elif wish == SURELY:
            reply.say("utter_privacy_erase_again", [_button(FINALLY), button(_title("keep"), "deny")])
        else:
            day = self._note(session, turn, RequestKind.ERASE)
            reply.say("utter_privacy_erase_noted", day=day)

    def _note(self, session: Session, turn: Turn, kind: RequestKind) -> str:
        """Records the request once a turn; returns its last local day."""
        customer, conversation = turn.customer(session), turn.conversation(session)

        def write() -> dict[str, str]:
            request = personal_data_requests.receive(
                session,
                customer.id,
                kind,
                channel=personal_data_requests.CHAT,
                said=turn.text,
                account_id=conversation.account_id,
            )
            return {"day": clock.local(request.due_at, settings().zone).strftime("%d/%m/%Y")}

        return str(receipts.once(session, turn.turn_id, f"{self.action}:{kind.value}", write)["day"])


def _wish(turn: Turn) -> str | None:
    """What is asked: by a button, or by the words of data/words/privacy.yml. The last step takes a button."""
    pressed = turn.entity("answer") if turn.pressed else None
    if pressed in (*_ORDER, SURELY, FINALLY):
        return pressed
    lists = words("privacy")
    return next((wish for wish in _ORDER if mentioned(turn.text, lists[wish]) is not None), None)


def _show(session: Session, turn: Turn, reply: Reply) -> None:
    customer = turn.customer(session)
    reply.say("utter_privacy_shown", [_button("export"), _way("correct_name")], **_summary(session, customer))


def _summary(session: Session, customer: Customer) -> dict[str, Any]:
    """What is on record, as the response's holes."""
    texts = words("privacy")
    day = customers.birthday_of(session, customer.id)
    born = f"{day.day:02d}/{day.month:02d}" + (f"/{day.year}" if day.year else "") if day else texts["none"]
    if day is not None and day.calendar is CalendarKind.LUNAR:
        born = f"{born} {label('calendar.lunar')}"
    agreed = [
        f"{texts['purposes'][purpose.value]}: {_consent(session, customer.id, purpose)}"
        for purpose in personal_data_requests.PURPOSES
    ]
    return {
        "known_name": customer.name or texts["none"],
        "known_phone": customer.phone or texts["none"],
        "known_email": customer.email or texts["none"],
        "known_birthday": born,
        "known_tier": label(f"tier.{customer.tier.value}"),
        "consents": "; ".join(agreed),
        "orders": _count(session, Purchase.id, Purchase.customer_id == customer.id),
        "complaints": _count(session, Complaint.id, Complaint.customer_id == customer.id),
        "messages": _count(session, Message.id, Message.conversation_id.in_(_talks(customer.id))),
        "since": clock.local(customer.created_at, settings().zone).strftime("%d/%m/%Y"),
    }


def _consent(session: Session, customer_id: int, purpose: Any) -> str:
    newest = consents.latest(session, customer_id, purpose)
    said = "unknown" if newest is None else ("granted" if newest.granted else "refused")
    return str(words("privacy")["consent"][said])


def _talks(customer_id: int) -> Any:
    return select(Conversation.id).where(Conversation.customer_id == customer_id)


def _count(session: Session, key: Any, whose: Any) -> int:
    return session.scalar(select(func.count(key)).where(whose)) or 0


def _button(wish: str) -> dict[str, str]:
    return button(_title(wish), "privacy_request", answer=wish)


def _way(name: str) -> dict[str, str]:
    field = {"correct_name": "name", "correct_phone": "phone", "correct_day": "birthday"}[name]
    return button(_title(name), "update_profile", field=field)


def _title(name: str) -> str:
    return str(words("privacy")["buttons"][name])
