"""Telegram's side of a case: the simulator's control API, as short calls."""

import time
from collections.abc import Iterable
from typing import Any

import httpx

BOT_CALLS_S = 60.0
WANTED = ["message", "edited_message", "callback_query", "my_chat_member"]


class Telegram:
    """A client of one simulator. Errors of the simulator are raised as httpx.HTTPStatusError."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._client = httpx.Client(base_url=self.url, timeout=60)

    def close(self) -> None:
        self._client.close()

    def get(self, path: str, **query: Any) -> Any:
        """GET /control/<path>."""
        return self._client.get(f"/control/{path}", params=query).raise_for_status().json()

    def post(self, path: str, body: dict[str, Any] | None = None, **query: Any) -> Any:
        """POST /control/<path>."""
        return self._client.post(f"/control/{path}", json=body or {}, params=query).raise_for_status().json()

    def serves(self) -> bool:
        """Whether the simulator answers."""
        try:
            return self._client.get("/healthz").is_success
        except httpx.HTTPError:
            return False

    def call(self, token: str, method: str, **parameters: Any) -> Any:
        """A Bot API call of our own, as another program with the same token would make it."""
        return self._client.post(f"/bot{token}/{method}", json=parameters).json()

    def person(self, chat: int, name: str = "Hạnh") -> int:
        """Makes the person `chat` known; returns the chat's number."""
        self.post("users", {"id": chat, "first_name": name})
        return chat

    def write(self, chat: int, text: str) -> int:
        """The person writes; returns the message id."""
        return int(self.post(f"chats/{chat}/messages", {"text": text})["message_id"])

    def inject(self, updates: list[dict[str, Any]], next_update_id: int | None = None) -> list[int]:
        """Raw updates; those without an id get the next. Returns the ids."""
        body = {"updates": updates, "next_update_id": next_update_id}
        return [int(number) for number in self.post("updates", body)["update_ids"]]

    def press(self, chat: int, **button: Any) -> Any:
        """Presses a button: title=…, or message_id= with index= or callback_data= (stale=True: one not there)."""
        return self.post(f"chats/{chat}/press", button)

    def fault(self, kind: str, **fields: Any) -> int:
        """Arms a fault (simulator/faults.py: method, chat_id, kind, retry_after, count, skip, delay_s)."""
        return int(self.post("faults", {"kind": kind, **fields})["id"])

    def clear_faults(self) -> None:
        self._client.delete("/control/faults").raise_for_status()

    def pending(self) -> int:
        """How many updates wait to be confirmed."""
        return len(self.get("updates"))

    def last(self) -> int:
        """The number of the newest logged call: pass it as `since` to what follows."""
        return int(self.get("accepted", since=10**9)["last"])

    def accepted(self, since: int = 0) -> list[dict[str, Any]]:
        """The messages Telegram accepted (sendMessage, sendPhoto), oldest first: the oracle."""
        calls = self.get("accepted", since=since)["accepted"]
        return [call for call in calls if call["method"].lower() in ("sendmessage", "sendphoto")]

    def calls(self, since: int = 0) -> list[dict[str, Any]]:
        """Every call that would reach a customer, accepted or not."""
        found: list[dict[str, Any]] = self.get("calls", since=since)["calls"]
        return found

    def texts(self, chat: int, since: int = 0) -> list[str]:
        """What `chat` received, in order."""
        return [str(call["text"]) for call in self.accepted(since) if call["chat_id"] == chat]

    def bot_called(self) -> bool:
        """Whether a bot has introduced itself."""
        return bool(self.get("state")["bots"])

    def open_chats(self, token: str, chats: Iterable[int]) -> None:
        """Opens these people's chats with the bot as if they had written long ago. No bot may run yet."""
        self.call(token, "getUpdates", allowed_updates=["poll"], timeout=0)
        for chat in chats:
            self.write(self.person(chat), "xin chào")
        self.call(token, "getUpdates", allowed_updates=WANTED, timeout=0)

    def introduce(self, token: str) -> None:
        """Makes the bot of `token` known before it ever runs, so that people can write to it."""
        self.call(token, "getMe")


def burst(rate_of: list[dict[str, Any]], window_s: float = 1.0) -> int:
    """The most calls in any sliding window."""
    times = sorted(float(call["monotonic"]) for call in rate_of)
    best, start = 0, 0
    for end, moment in enumerate(times):
        while times[start] <= moment - window_s:
            start += 1
        best = max(best, end - start + 1)
    return best


def wait_for_calls(telegram: Telegram, since: int, count: int, timeout_s: float = BOT_CALLS_S) -> bool:
    """Waits until Telegram has accepted `count` messages after `since`."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if len(telegram.accepted(since)) >= count:
            return True
        time.sleep(0.1)
    return False
