"""The bench's hand on the simulator: people who write to a bot, and what "Telegram" accepted of it, at which moment."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
import httpx

NO_UPDATES = ["poll"]
WANTED = ["message", "edited_message", "callback_query", "my_chat_member"]
AT_ONCE = 16
LOOK_S = 0.2


@dataclass(frozen=True)
class Taken:
    """One accepted message: its chat, and when, in seconds of the machine's monotonic clock."""

    chat_id: int
    at: float


class Telegram:
    """A client of the simulator at `url`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = httpx.Client(base_url=url, timeout=60)

    def close(self) -> None:
        self._client.close()

    def serves(self) -> bool:
        """Whether the simulator answers."""
        try:
            return self._client.get("/healthz").is_success
        except httpx.HTTPError:
            return False

    def call(self, token: str, method: str, **parameters: Any) -> Any:
        """A Bot API call of our own."""
        return self._client.post(f"/bot{token}/{method}", json=parameters).json()

    def open_chats(self, token: str, chats: Sequence[int]) -> None:
        """Makes people known whose chats with the bot are open since long ago: no update comes of it."""
        self.call(token, "getUpdates", allowed_updates=NO_UPDATES, timeout=0)
        asyncio.run(self._introduce(bot_id_of(token), chats))
        self.call(token, "getUpdates", allowed_updates=WANTED, timeout=0)

    async def _introduce(self, bot_id: int, chats: Sequence[int]) -> None:
        waiting = iter(chats)
        async with aiohttp.ClientSession(self.url) as session:

            async def some() -> None:
                for chat in waiting:
                    await _post(session, "/control/users", {"id": chat, "first_name": "Hạnh"})
                    await _post(session, f"/control/chats/{chat}/messages?bot={bot_id}", {"text": "chào shop"})

            await asyncio.gather(*(some() for _ in range(AT_ONCE)))

    def write(self, token: str, words: dict[int, str]) -> None:
        """Each of these chats writes its words to the bot, all at this moment."""
        updates = [{"message": _message(chat, text)} for chat, text in words.items()]
        answer = self._client.post("/control/updates", json={"updates": updates}, params={"bot": bot_id_of(token)})
        answer.raise_for_status()

    def last(self) -> int:
        """The number of the newest call: what comes later has a higher one."""
        return int(self._client.get("/control/accepted", params={"since": 10**9}).json()["last"])

    def taken(self, since: int, token: str) -> list[Taken]:
        """The bot's messages accepted after call number `since`, oldest first."""
        calls = self._client.get("/control/accepted", params={"since": since}).json()["accepted"]
        mine = (call for call in calls if call["bot"] == bot_id_of(token) and call["method"] == "sendMessage")
        return [Taken(call["chat_id"], call["monotonic"]) for call in mine]

    def wait(self, since: int, token: str, chats: int, timeout_s: float) -> list[Taken]:
        """What was accepted once so many different chats have got something, or the time is over."""
        deadline = time.monotonic() + timeout_s
        while True:
            over = time.monotonic() > deadline
            if over or self.last() >= since + chats:
                taken = self.taken(since, token)
                if over or len({each.chat_id for each in taken}) >= chats:
                    return taken
            time.sleep(LOOK_S)


def bot_id_of(token: str) -> int:
    """The bot's number."""
    return int(token.partition(":")[0])


def most_in_a_second(taken: Sequence[Taken]) -> int:
    """The greatest number accepted in any sliding second."""
    times = sorted(each.at for each in taken)
    most = start = 0
    for end, moment in enumerate(times):
        while times[start] <= moment - 1.0:
            start += 1
        most = max(most, end - start + 1)
    return most


async def _post(session: aiohttp.ClientSession, path: str, body: dict[str, Any]) -> None:
    async with session.post(path, json=body) as answer:
        answer.raise_for_status()


def _message(chat: int, text: str) -> dict[str, Any]:
    person = {"id": chat, "first_name": "Hạnh"}
    return {
        "message_id": 1,
        "from": {**person, "is_bot": False, "language_code": "vi"},
        "chat": {**person, "type": "private"},
        "date": int(time.time()),
        "text": text,
    }
