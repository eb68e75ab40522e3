"""What an action knows of the customer's turn, read once from the tracker, and what it answers."""

import json
from dataclasses import dataclass, field
from typing import Any, TypeVar

from rasa_sdk import Tracker  # type: ignore[import-untyped]
from rasa_sdk.events import FollowupAction, SlotSet  # type: ignore[import-untyped]
from sqlalchemy.orm import Session

from crm.errors import TrianError
from crm.models.conversations import Conversation
from crm.models.people import Customer

FALLBACK = "nlu_fallback"
BARE_ANSWER = "action_inform"  # a bare answer to no question is a message not understood
Event = dict[str, Any]
Row = TypeVar("Row", Customer, Conversation)


class UnknownCustomer(TrianError):
    """The turn does not say which customer speaks (Rasa's shell, a test): what needs one cannot be done."""


class Turn:
    """The customer's last message with its context. A button's payload has no text."""

    def __init__(self, tracker: Tracker, aside: bool = False) -> None:
        message = tracker.latest_message
        said = [event for event in tracker.events if event.get("event") == "user"]
        self.tracker = tracker
        self.aside = aside
        raw = str(message.get("text") or "")
        self.pressed = raw.startswith("/")
        self.text = "" if self.pressed else raw.strip()
        self.intent = str((message.get("intent") or {}).get("name") or "")
        self.confidence = float((message.get("intent") or {}).get("confidence") or 0.0)
        self.ranking = [str(guess.get("name")) for guess in message.get("intent_ranking") or ()]
        self.metadata: dict[str, Any] = (said[-1].get("metadata") if said else None) or message.get("metadata") or {}
        self._said = said

    def entity(self, name: str) -> str | None:
        """The last value of the entity `name` in the message."""
        found = [e["value"] for e in self.tracker.latest_message.get("entities") or () if e.get("entity") == name]
        return str(found[-1]) if found else None

    def slot(self, name: str) -> Any:
        """The slot's value; None when it is not set."""
        return self.tracker.get_slot(name)

    @property
    def loop(self) -> str | None:
        """The form in progress."""
        name = (self.tracker.active_loop or {}).get("name")
        return str(name) if name else None

    @property
    def question(self) -> str:
        """What was asked: this text, or, for a button pressed after a misunderstanding, the text not understood."""
        if self.text or len(self._said) < 2:
            return self.text
        before = self._said[-2].get("parse_data") or {}
        return str(before.get("text") or "") if (before.get("intent") or {}).get("name") == FALLBACK else ""

    @property
    def misunderstood(self) -> int:
        """How many messages in a row were not understood, this one included: of it the caller knows that."""
        count, acted = 0, set[str]()
        for event in reversed(self.tracker.events):
            if event.get("event") == "action":
                acted.add(str(event.get("name")))
            elif event.get("event") == "user":
                intent = ((event.get("parse_data") or {}).get("intent") or {}).get("name")
                if count and intent != FALLBACK and not (intent == "inform" and BARE_ANSWER in acted):
                    break
                count, acted = count + 1, set()
        return max(1, count)

    @property
    def turn_id(self) -> str:
        """Names the turn however often it is run. Raises UnknownCustomer."""
        return str(self._required("turn_id"))

    def customer(self, session: Session) -> Customer:
        """Who speaks. Raises UnknownCustomer."""
        return self._of_metadata(session, Customer, "customer_id")

    def conversation(self, session: Session) -> Conversation:
        """Where it is said. Raises UnknownCustomer."""
        return self._of_metadata(session, Conversation, "conversation_id")

    @property
    def customer_id(self) -> int | None:
        """Who speaks, where it is known."""
        known = self.metadata.get("customer_id")
        return int(known) if known is not None else None

    def _required(self, key: str) -> Any:
        if self.metadata.get(key) is None:
            raise UnknownCustomer(f"the message's metadata has no {key}")
        return self.metadata[key]

    def _of_metadata(self, session: Session, kind: type[Row], key: str) -> Row:
        row = session.get(kind, int(self._required(key)))
        if row is None:
            raise UnknownCustomer(f"no {kind.__name__} {self.metadata[key]}")
        return row


@dataclass
class Reply:
    """Responses of the domain to utter, in order, and events for Rasa."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def say(self, response: str, /, buttons: list[dict[str, str]] | None = None, **values: object) -> None:
        """Utters the domain's `response` with `values` filled in; `buttons` follow the response's own."""
        self.messages.append({"response": response, "buttons": buttons or [], **values})

    def set(self, /, **slots: Any) -> None:
        """Sets slots."""
        self.events += [SlotSet(name, value) for name, value in slots.items()]

    def follow(self, action: str) -> None:
        """Makes `action` run next, whatever the rules say."""
        self.events.append(FollowupAction(action))

    def sets(self, slot: str) -> bool:
        """Whether `slot` is set by this reply."""
        return any(event.get("event") == "slot" and event.get("name") == slot for event in self.events)


def button(title: str, intent: str, **entities: object) -> dict[str, str]:
    """A button whose press means `intent` with `entities`."""
    given = {name: str(value) for name, value in entities.items()}
    return {"title": title, "payload": f"/{intent}" + (json.dumps(given, ensure_ascii=False) if given else "")}
