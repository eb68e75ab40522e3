"""Everything the simulator knows: bots, people, chats, messages, pending updates, files, the log of calls."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from simulator.errors import ApiError
from simulator.faults import FaultList
from simulator.limits import Limiter
from simulator.pulse import Hub, Pulse

Json = dict[str, Any]

FIRST_PERSON_ID = 700_000_001
DEFAULT_UPDATES = ("message", "edited_message", "callback_query", "my_chat_member")


def fresh_number() -> int:
    """Where a counter starts: later than any earlier run's, so that a restart without a state file repeats no id."""
    return int(time.time() * 4) % 1_000_000_000 + 1


@dataclass
class Person:
    """A customer. `id` is the Telegram user id and, as in every private chat, the chat id."""

    id: int
    first_name: str
    last_name: str | None = None
    username: str | None = None
    language_code: str = "vi"
    phone: str | None = None
    deactivated: bool = False

    def as_user(self) -> Json:
        fields = {"last_name": self.last_name, "username": self.username, "language_code": self.language_code}
        return {"id": self.id, "is_bot": False, "first_name": self.first_name} | {k: v for k, v in fields.items() if v}

    def as_chat(self) -> Json:
        fields = {"last_name": self.last_name, "username": self.username}
        return {"id": self.id, "type": "private", "first_name": self.first_name} | {
            k: v for k, v in fields.items() if v
        }


@dataclass
class Message:
    """A message of a transcript. `telegram` is the Bot API object; `rev` grows with every change anywhere."""

    telegram: Json
    from_bot: bool
    rev: int
    deleted: bool = False

    @property
    def id(self) -> int:
        return int(self.telegram["message_id"])

    def text(self) -> str:
        return str(self.telegram.get("text") or self.telegram.get("caption") or "")

    def buttons(self) -> list[Json]:
        """The inline buttons, row after row."""
        rows = self.telegram.get("reply_markup", {}).get("inline_keyboard", [])
        return [button for row in rows for button in row]

    def as_json(self) -> Json:
        return self.telegram | {"from_bot": self.from_bot, "deleted": self.deleted, "rev": self.rev}


@dataclass
class Chat:
    """One person's chat with one bot; it exists from the first message (/start) on."""

    user_id: int
    blocked: bool = False
    keyboard: Json | None = None
    messages: dict[int, Message] = field(default_factory=dict)

    def last_rev(self) -> int:
        return max((m.rev for m in self.messages.values()), default=0)


@dataclass
class Pending:
    """An update not yet confirmed. A forced one (injected, redelivered) is delivered at least once, whatever offset."""

    update: Json
    forced: bool = False
    delivered: int = 0


@dataclass
class Query:
    """A pressed button waiting for answerCallbackQuery. `at` is monotonic seconds."""

    id: str
    user_id: int
    at: float
    answer: Json | None = None


@dataclass
class Bot:
    """One token."""

    token: str
    id: int
    name: str
    next_update_id: int = field(default_factory=fresh_number)
    next_message_id: int = field(default_factory=fresh_number)
    allowed_updates: list[str] = field(default_factory=list)
    commands: list[Json] = field(default_factory=list)
    webhook: Json = field(default_factory=dict)
    chats: dict[int, Chat] = field(default_factory=dict)
    pending: list[Pending] = field(default_factory=list)
    delivered: deque[Json] = field(default_factory=lambda: deque(maxlen=2000))
    queries: dict[str, Query] = field(default_factory=dict)
    poll: int = 0

    def as_user(self) -> Json:
        return {"id": self.id, "is_bot": True, "first_name": self.name, "username": f"sim{self.id}_bot"}


@dataclass
class StoredFile:
    """A file people or bots sent; `path` is what getFile returns."""

    id: str
    path: str
    mime: str
    data: bytes


class World:
    """The whole simulated Telegram. Plain memory, touched by one event loop only."""

    def __init__(self, token: str | None = None, bot_name: str = "Bot", rate_limits: bool = False) -> None:
        self.only_token, self.bot_name = token, bot_name
        self.callback_ttl_s = 300.0
        self.pulse, self.hub = Pulse(), Hub()
        self.limiter = Limiter(rate_limits)
        self.reset()

    def reset(self) -> None:
        """Forgets everything; a token given at the start is known again at once."""
        self.bots: dict[int, Bot] = {}
        self.people: dict[int, Person] = {}
        self.files: dict[str, StoredFile] = {}
        self.calls: list[Json] = []
        self.faults = FaultList()
        self.rev = 0
        if self.only_token:
            self._new_bot(self.only_token)
        self.changed()

    def changed(self, event: Json | None = None) -> None:
        """Wakes whoever waits; `event` goes to the open chat pages."""
        self.pulse.fire()
        if event:
            self.hub.tell(event)

    def next_rev(self) -> int:
        self.rev += 1
        return self.rev

    def _new_bot(self, token: str) -> Bot:
        bot = Bot(token, int(token.split(":")[0]), self.bot_name)
        self.bots[bot.id] = bot
        return bot

    def bot_of(self, token: str) -> Bot:
        """The bot of a well-formed token, new or known; ApiError 401 for a foreign one."""
        bot = self.bots.get(int(token.split(":")[0]))
        if (self.only_token and token != self.only_token) or (bot and bot.token != token):
            raise ApiError(401, "Unauthorized")
        if bot is None:
            bot = self._new_bot(token)
            self.changed({"type": "reload"})
        return bot

    def newest_bot(self, bot_id: int | None = None) -> Bot | None:
        """The bot with this id, or the one that appeared last."""
        return self.bots.get(bot_id) if bot_id is not None else next(reversed(self.bots.values()), None)

    def post(self, bot: Bot, person: Person, content: Json, from_bot: bool) -> Message:
        """Writes a message into the chat and shows it on the pages."""
        message_id, bot.next_message_id = bot.next_message_id, bot.next_message_id + 1
        sender = bot.as_user() if from_bot else person.as_user()
        body = {"message_id": message_id, "from": sender, "chat": person.as_chat(), "date": int(time.time())} | content
        message = Message(body, from_bot, self.next_rev())
        bot.chats.setdefault(person.id, Chat(person.id)).messages[message_id] = message
        self.tell_message(bot, message)
        return message

    def tell_message(self, bot: Bot, message: Message) -> None:
        chat_id = message.telegram["chat"]["id"]
        self.changed({"type": "message", "bot": bot.id, "user": chat_id, "message": message.as_json()})

    def push(self, bot: Bot, kind: str, payload: Json) -> int | None:
        """Queues an update for the bot; returns its id, or None when the bot does not want this kind."""
        if kind not in (bot.allowed_updates or DEFAULT_UPDATES):
            return None
        update_id, bot.next_update_id = bot.next_update_id, bot.next_update_id + 1
        bot.pending.append(Pending({"update_id": update_id, kind: payload}))
        self.pulse.fire()
        return update_id
