"""Actions run against a real database holding the demo shop; Rasa's part (tracker, dispatcher) is built by hand."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher
from sqlalchemy import select

from actions.base import CareAction
from crm import demo, schema
from crm.db import Database
from crm.models.conversations import Conversation, Escalation
from crm.models.people import Customer
from crm.settings import settings


@pytest.fixture(autouse=True)
def _articles(embedded: None) -> None:
    """Questions are answered as in a shop that runs."""


@dataclass
class Talk:
    """One customer's conversation: slots are kept from action to action as Rasa keeps them."""

    database: Database
    metadata: dict[str, Any]
    slots: dict[str, Any] = field(default_factory=dict)
    loop: str | None = None
    said: list[dict[str, Any]] = field(default_factory=list)
    followup: str | None = None
    turn: int = 0

    def say(
        self,
        text: str,
        intent: str = "inform",
        confidence: float = 0.95,
        *,
        second: tuple[str, str] | None = None,
        anger: float = 0.0,
        **entities: str,
    ) -> None:
        """The customer's next message. `second`: what else is asked, as its intent and its clause of `text`."""
        self.turn += 1
        self.metadata["turn_id"] = f"turn-{self.turn}"
        parse: dict[str, Any] = {
            "text": text,
            "intent": {"name": intent, "confidence": confidence},
            "intent_ranking": [{"name": intent}, {"name": "warranty"}, {"name": "delivery"}],
            "entities": [{"entity": name, "value": value} for name, value in entities.items()],
            "anger": anger,
            "second_intent": None,
        }
        if second is not None:
            start = text.index(second[1])
            clause = {"text": second[1], "start": start, "end": start + len(second[1])}
            parse["second_intent"] = {"name": second[0], "confidence": 0.9, **clause}
        self.said.append({"event": "user", "parse_data": parse, "metadata": dict(self.metadata), "text": text})

    def come_back(self) -> None:
        """A silence longer than Rasa's session: the form is over, the slots are kept."""
        self.said = [{"event": "session_started"}]
        self.loop = None

    async def run(self, action: CareAction) -> list[dict[str, Any]]:
        """Runs the action; returns the messages it utters and keeps its slots."""
        spoken = next(event for event in reversed(self.said) if event["event"] == "user")
        message = {**spoken["parse_data"], "metadata": dict(self.metadata)}
        loop = {"name": self.loop}
        tracker = Tracker("account-1", dict(self.slots), message, list(self.said), False, None, loop, None)
        dispatcher = CollectingDispatcher()
        events = await action.run(dispatcher, tracker, {})
        self.slots |= {event["name"]: event["value"] for event in events if event["event"] == "slot"}
        self.followup = next((event["name"] for event in events if event["event"] == "followup"), None)
        self.events = events
        return list(dispatcher.messages)

    def calls(self) -> list[Escalation]:
        """When a person was called to this conversation, the last one first."""
        mine = select(Escalation).where(Escalation.conversation_id == self.metadata["conversation_id"])
        with self.database.read() as session:
            return list(session.scalars(mine.order_by(Escalation.id.desc())))

    async def responses(self, action: CareAction) -> list[str]:
        """Runs the action; returns the names of the responses."""
        return [message["response"] for message in await self.run(action)]


@pytest.fixture(scope="session")
def shop_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the demo shop, which each test copies."""
    path = tmp_path_factory.mktemp("shop") / "shop.db"
    database = Database(f"sqlite:///{path}")
    schema.upgrade(database.engine)
    with database.begin() as session:
        demo.load(session)
    database.dispose()
    return path


@pytest.fixture
def shop(shop_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """A database with the demo shop, which the actions use too."""
    path = tmp_path / "shop.db"
    path.write_bytes(shop_template.read_bytes())
    monkeypatch.setattr(settings(), "database_url", f"sqlite:///{path}")
    database = Database(f"sqlite:///{path}")
    yield database
    database.dispose()


@pytest.fixture
def talk(shop: Database) -> Talk:
    """Nguyễn Văn Hùng (anh), who bought a washing machine and has Telegram."""
    with shop.read() as session:
        conversation = session.scalars(
            select(Conversation).join(Customer).where(Customer.name == "Nguyễn Văn Hùng")
        ).one()
        ids = {"customer_id": conversation.customer_id, "conversation_id": conversation.id}
    return Talk(shop, dict(ids))
