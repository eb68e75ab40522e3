"""What an action knows of the customer's turn, read once from the tracker, and what it answers."""

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from rasa_sdk import Tracker  # type: ignore[import-untyped]
from rasa_sdk.events import FollowupAction, SlotSet  # type: ignore[import-untyped]
from sqlalchemy.orm import Session

from actions.clauses import Second, first_clause
from crm.errors import TrianError
from crm.models.conversations import Conversation
from crm.models.people import Customer
from crm.words import is_just, mentioned, words

FALLBACK = "nlu_fallback"
BARE_ANSWER = "action_inform"  # a bare answer to no question is a message not understood
ANGRY = 0.6  # nlu.anger calls a message angry from here on
SURE_PRODUCT = 0.75  # of the name as it was typed, slips of the finger included
Event = dict[str, Any]
Row = TypeVar("Row", Customer, Conversation)


class UnknownCustomer(TrianError):
    """The turn does not say which customer speaks (Rasa's shell, a test): what needs one cannot be done."""


class Turn:
    """The customer's last message with its context. A button's payload has no text.

    A message that asks two things is two turns: `text` is then the clause of the first, `second` what else is asked,
    and `whole` both.
    """

    def __init__(self, tracker: Tracker, aside: bool = False) -> None:
        message = tracker.latest_message
        said = [event for event in tracker.events if event.get("event") == "user"]
        self.tracker = tracker
        self.aside = aside
        raw = str(message.get("text") or "")
        self.pressed = raw.startswith("/")
        self.whole = "" if self.pressed else raw.strip()
        self.intent = str((message.get("intent") or {}).get("name") or "")
        self.confidence = float((message.get("intent") or {}).get("confidence") or 0.0)
        self.ranking = [str(guess.get("name")) for guess in message.get("intent_ranking") or ()]
        self.metadata: dict[str, Any] = (said[-1].get("metadata") if said else None) or message.get("metadata") or {}
        self.second = None if self.pressed else self._second(message)
        self.text = first_clause(raw, self.second) if self.second else self.whole
        self._part: Second | None = None
        self._given: dict[str, str] = {}
        self._set: dict[str, Any] = {}
        self._said = said

    def _second(self, message: Mapping[str, Any]) -> Second | None:
        """What else is asked. In a story it must be plainly a question, else it is more of the story; a
        person must be asked for, not only spoken of."""
        second = Second.of(message)
        if second is None or second.name == self.intent:
            return None
        telling = self.intent == "complaint" or self.loop is not None
        if second.name == "talk_to_human":
            lists = words("dialogue")
            alone = is_just(second.text, lists["person_alone"])
            return second if alone or mentioned(second.text, lists["person_asked"]) is not None else None
        asks = "?" in second.text or mentioned(second.text, words("dialogue")["question"]) is not None
        return second if asks or not telling or second.name == "complaint" else None

    def of_second(self, answered: "Reply") -> "Turn":
        """The turn of what else is asked, after `answered` was said to the first. Call only where there is a second."""
        second = self.second
        assert second is not None
        other = copy.copy(self)
        other.text, other.intent, other.confidence = second.text, second.name, second.confidence
        other.second, other._part, other._given = None, second, {}
        slots = (event for event in answered.events if event.get("event") == "slot")
        other._set = self._set | {event["name"]: event["value"] for event in slots}
        return other

    def undivided(self) -> "Turn":
        """The same turn with the whole message as one."""
        other = copy.copy(self)
        other.second, other.text = None, self.whole
        return other

    def restated(self, intent: str, text: str, **entities: str) -> "Turn":
        """The turn as if `text` had been said, meaning `intent`, with `entities` known."""
        other = copy.copy(self)
        other.intent, other.text, other.whole, other.second = intent, text, text, None
        other.pressed, other._given = False, entities
        return other

    def give(self, **entities: str) -> None:
        """Makes entities known that another part of the message holds."""
        self._given |= entities

    def is_given(self, name: str) -> bool:
        """Whether the entity was made known by `give` or `restated`."""
        return name in self._given

    def entity(self, name: str) -> str | None:
        """The last value of the entity `name` in the message.

        A product's name as it was typed counts where it can be only one product.
        """
        if name in self._given:
            return self._given[name]
        found = self._entities(name)
        if name == "product" and not self.pressed:
            found = [e for e in found if "start" not in e or float(e.get("confidence") or 1.0) >= SURE_PRODUCT]
            return str(found[0]["value"]) if len({e["value"] for e in found}) == 1 else None
        return str(found[-1]["value"]) if found else None

    @property
    def candidates(self) -> list[str]:
        """The products (skus) that the typed words may mean, the likeliest first."""
        return list(dict.fromkeys(str(e["value"]) for e in self._entities("product")))

    def _entities(self, name: str) -> list[dict[str, Any]]:
        found = [e for e in self.tracker.latest_message.get("entities") or () if e.get("entity") == name]
        return [e for e in found if self._is_mine(e)]

    def _is_mine(self, entity: Mapping[str, Any]) -> bool:
        """Whether the entity stands in this turn's part of the message."""
        place = entity.get("start")
        if place is None or (self.second is None and self._part is None):
            return True
        return self._part.holds(place) if self._part else not (self.second and self.second.holds(place))

    @property
    def anger(self) -> float:
        """How angry the message sounds, 0 to 1."""
        return _anger(self.tracker.latest_message)

    @property
    def angry_in_a_row(self) -> int:
        """How many messages in a row, up to this one, are angry."""
        calm = (i for i, e in enumerate(reversed(self._said)) if _anger(e.get("parse_data") or {}) < ANGRY)
        return next(calm, len(self._said))

    @property
    def earlier(self) -> list[Mapping[str, Any]]:
        """What was understood of the messages before this one, the newest first."""
        return [event.get("parse_data") or {} for event in reversed(self._said[:-1])]

    def acted(self, action: str, messages: int) -> bool:
        """Whether `action` ran in answer to one of the last `messages` before this one."""
        left = messages + 1
        for event in reversed(self.tracker.events):
            if event.get("event") == "user":
                left -= 1
                if left < 0:
                    return False
            elif event.get("event") == "action" and event.get("name") == action:
                return True
        return False

    @property
    def opens_session(self) -> bool:
        """Whether this is the first message after a long silence (domain.yml, session_expiration_time)."""
        for event in reversed(self.tracker.events):
            if event.get("event") == "session_started":
                return True
            if event.get("event") == "user" and event is not (self._said[-1] if self._said else None):
                return False
        return False

    def slot(self, name: str) -> Any:
        """The slot's value; None when it is not set."""
        return self._set[name] if name in self._set else self.tracker.get_slot(name)

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
    """Responses of the domain to utter, in order, and events for Rasa.

    `writes` is done last, in the action's transaction: what was looked for after it would keep other writers waiting.
    """

    messages: list[dict[str, Any]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    writes: list[Callable[[], object]] = field(default_factory=list)

    def say(self, response: str, /, buttons: list[dict[str, str]] | None = None, **values: object) -> None:
        """Utters the domain's `response` with `values` filled in; `buttons` follow the response's own."""
        self.messages.append({"response": response, "buttons": buttons or [], **values})

    def set(self, /, **slots: Any) -> None:
        """Sets slots."""
        self.events += [SlotSet(name, value) for name, value in slots.items()]

    def follow(self, action: str) -> None:
        """Makes `action` run next, whatever the rules say and whatever was to run next before."""
        self.events = [event for event in self.events if event.get("event") != "followup"]
        self.events.append(FollowupAction(action))

    @property
    def follows(self) -> bool:
        """Whether an action is made to run next."""
        return any(event.get("event") == "followup" for event in self.events)

    def value(self, slot: str) -> Any:
        """What this reply sets `slot` to; None where it does not, or empties it."""
        values = [event["value"] for event in self.events if event.get("event") == "slot" and event["name"] == slot]
        return values[-1] if values else None

    def sets(self, slot: str) -> bool:
        """Whether `slot` is set by this reply."""
        return any(event.get("event") == "slot" and event.get("name") == slot for event in self.events)


def button(title: str, intent: str, **entities: object) -> dict[str, str]:
    """A button whose press means `intent` with `entities`."""
    given = {name: str(value) for name, value in entities.items()}
    return {"title": title, "payload": f"/{intent}" + (json.dumps(given, ensure_ascii=False) if given else "")}


def _anger(parsed: Mapping[str, Any]) -> float:
    value = parsed.get("anger")
    return float(value) if isinstance(value, int | float) else 0.0
