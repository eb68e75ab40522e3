"""People who write to the bot, every message unlike any other, so that each can be told from the rest afterwards."""

import itertools
import random
import re
import time
from collections import Counter
from typing import Any

from sqlalchemy import select

from crm.models.conversations import Direction, Message
from crm.models.messaging import Inbound, OutboxState
from tests.faults import oracle
from tests.faults.case import Tally
from tests.faults.oracle import Audit, Mark
from tests.faults.world import TOKEN, World

_NUMBER = re.compile(r"tin (\d+)")


class Crowd:
    """`count` people; what they write is numbered on, and judged when everything has come to rest.

    Without a running bot their chats are opened; with one (`opened`) they must have been, or they write by `write`.
    """

    def __init__(self, world: World, count: int, first: int = 700_001, opened: bool = False) -> None:
        self.world = world
        self.chats = list(range(first, first + count))
        if not opened:
            world.telegram.open_chats(TOKEN, self.chats)
        self.mark = world.mark()
        self.written: list[str] = []

    def text(self) -> str:
        """The next message; noted as written."""
        said = f"tin {next(_numbers)}"
        self.written.append(said)
        return said

    def write(self, count: int, dice: random.Random) -> None:
        """`count` messages of people taken by chance."""
        for _ in range(count):
            self.world.telegram.write(dice.choice(self.chats), self.text())

    def update(self, chat: int, text: str | None = None) -> dict[str, Any]:
        """A raw update without a number: `chat` writes `text`, or the next message."""
        return message_update(chat, self.text() if text is None else text)

    def judge(self, tally: Tally, answered: bool = True) -> Audit:
        """Everything since the beginning or the last judgement: heard once, in order, answered once. Starts anew.

        With `answered` every message must have been answered with its own words.
        """
        audit = self.world.audit(self.mark)
        audit.into(tally)
        self._heard_once(tally)
        tally.equal(oracle.inversions(self.world.database, self.mark), 0, "updates of a chat out of order")
        tally.equal(_disorder(self.world, self.mark), 0, "answers of a chat out of order")
        if answered:
            tally.equal(_unanswered(audit, self.written), [], "messages without an answer")
        self.mark, self.written = self.world.mark(), []
        return audit

    def _heard_once(self, tally: Tally) -> None:
        with self.world.database.read() as session:
            wanted = select(Message.text).join(Inbound, Inbound.id == Message.inbound_id)
            wanted = wanted.where(Message.direction == Direction.IN, Inbound.id > self.mark.inbound)
            heard = Counter(text for text in session.scalars(wanted) if _NUMBER.fullmatch(text))
        missing = [text for text in self.written if not heard[text]]
        tally.lost += len(missing)
        tally.expect(not missing, f"{len(missing)} messages never heard: {missing[:5]}")
        twice = [text for text, times in heard.items() if times > 1]
        tally.expect(not twice, f"{len(twice)} messages heard twice: {twice[:5]}")


def message_update(chat: int, text: str) -> dict[str, Any]:
    """A message as Telegram brings it, without its update_id."""
    return {"message": {"message_id": next(_message_ids), **_where(chat), "text": text}}


def press_update(chat: int, token: str) -> dict[str, Any]:
    """A pressed button, without its update_id."""
    number = next(_message_ids)
    message = {"message_id": number, **_where(chat), "text": "…"}
    sender = _where(chat)["from"]
    return {
        "callback_query": {
            "id": str(10**12 + number),
            "from": sender,
            "message": message,
            "chat_instance": str(chat),
            "data": token,
        }
    }


def _where(chat: int) -> dict[str, Any]:
    person = {"id": chat, "first_name": "Hạnh"}
    return {"from": {**person, "is_bot": False}, "chat": {**person, "type": "private"}, "date": int(time.time())}


_message_ids = itertools.count(5_000_000)
_numbers = itertools.count(1)


def _unanswered(audit: Audit, written: list[str]) -> list[str]:
    arrived = [row for row in audit.rows.values() if audit.arrivals[row.id] or row.state is OutboxState.UNKNOWN]
    answered = {_quoted(str(row.body["text"])) for row in arrived}
    return [text for text in written if text not in answered][:5]


def _quoted(answer: str) -> str | None:
    found = _NUMBER.search(answer)
    return found[0] if found else None


def _disorder(world: World, since: Mark) -> int:
    """How many answers reached their chat before the answer to an earlier message had reached it for the first time."""
    newest: dict[int, int] = {}
    seen: set[tuple[int, int]] = set()
    wrong = 0
    for call in world.telegram.accepted(since.call):
        found = _NUMBER.search(str(call["text"]))
        if found is None or (call["chat_id"], int(found[1])) in seen:
            continue
        number = int(found[1])
        seen.add((call["chat_id"], number))
        wrong += number < newest.get(call["chat_id"], 0)
        newest[call["chat_id"]] = max(number, newest.get(call["chat_id"], 0))
    return wrong
