"""Who lives through it when processes die: customers who go on writing, a colleague who goes on working."""

import contextlib
import re
import threading
from dataclasses import dataclass, field

import httpx

from tests.e2e.several import Town

PATIENCE_S = 45.0
THINKS_S = 1.0
CODE = re.compile(r"KN-\d{4}-\d{6}")
# What a customer says to the assistant's last words; the first that fits. "[…]" presses a button, "/photo" sends one.
MANNERS = (
    ("đúng chưa|đọc lại|đúng không", "[Đúng rồi]"),
    ("liên hệ", "[Nhắn ở đây]"),
    ("từ khi nào", "từ tuần trước"),
    ("chuyện gì", "máy giặt mới lắp được {n} ngày mà vắt kêu rầm rầm như xe công nông"),
    ("ảnh", "[Xong, tiếp tục]"),
)
SMALL_TALK = (
    "tôi muốn khiếu nại",
    "shop ơi mấy giờ mở cửa vậy",
    "may giat khong vat duoc do con uot sung",
    "bảo hành bao lâu vậy shop",
    "cam on nha",
    "giao hàng mất mấy ngày v",
)


@dataclass
class Customer:
    """Writes, waits a little for the answer, thinks, and writes again, until told to stop."""

    running: Town
    chat: int
    sent: int = 0
    confirmed: int = 0
    told: set[str] = field(default_factory=set)
    _seen: int = 0

    def live(self, stop: threading.Event) -> None:
        while not stop.is_set():
            said = self._heard()
            stop.wait(THINKS_S)
            try:
                self._do(self._next(said))
            except httpx.HTTPStatusError:  # the button is gone: they write instead
                self._do(SMALL_TALK[self.sent % len(SMALL_TALK)])

    def _next(self, said: str) -> str:
        for pattern, act in MANNERS:
            if re.search(pattern, said, re.IGNORECASE):
                return act.format(n=self.sent)  # each complaint is another one
        return SMALL_TALK[(self.sent + self.chat) % len(SMALL_TALK)]

    def _do(self, act: str) -> None:
        if act.startswith("["):
            self.running.control(f"chats/{self.chat}/press", {"title": act.strip("[]")})
            self.confirmed += act == "[Đúng rồi]"
        else:
            self.running.control(f"chats/{self.chat}/messages", {"text": act})
        self.sent += 1

    def _heard(self) -> str:
        """The assistant's words since last time; empty when it does not answer within PATIENCE_S."""
        words = []
        path = f"chats/{self.chat}/messages?from_bot=true&after={self._seen}&wait_s={PATIENCE_S if self.sent else 0}"
        for message in self.running.control(path):
            self._seen = max(self._seen, message["message_id"])
            words.append(message.get("text") or "")
        self.told |= {match[0] for text in words for match in CODE.finditer(text)}
        return "\n".join(words)


@dataclass
class Colleague:
    """Asks for a page of one console or the other, as a proxy would give it to them."""

    running: Town
    served: int = 0
    refused: int = 0

    def work(self, stop: threading.Event) -> None:
        while not stop.wait(0.3):
            if any(self._served_by(name) for name in ("console-1", "console-2")):
                self.served += 1
            else:
                self.refused += 1

    def _served_by(self, name: str) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(str(self.running.processes[name].url), timeout=30).status_code == 200
        return False
