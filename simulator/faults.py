"""Faults a test asks for: which calls they strike, how often, and what they answer."""

from __future__ import annotations

import itertools
from typing import Literal

from pydantic import BaseModel, Field

from simulator.errors import ApiError

Kind = Literal[
    "429", "403", "400", "502_html", "accept_then_hang", "accept_then_504", "hang", "refuse_connection_reset", "slow"
]  # fmt: skip

_TEXT = {"403": "Forbidden: bot was blocked by the user", "400": "Bad Request: chat not found"}
ACCEPTING = ("accept_then_hang", "accept_then_504", "slow")  # the call is carried out, whatever its caller hears of it


def _page(said: str) -> str:
    """A proxy's own page, as nginx writes it."""
    head = f"<html>\r\n<head><title>{said}</title></head>\r\n<body>\r\n"
    return f"{head}<center><h1>{said}</h1></center>\r\n<hr><center>nginx/1.18.0</center>\r\n</body>\r\n</html>\r\n"


HTML_502, HTML_504 = _page("502 Bad Gateway"), _page("504 Gateway Time-out")


class Fault(BaseModel):
    """One fault. `method` "*" means every method but getUpdates and getMe, so that a poller does not use it up.

    `skip` calls pass first, then `count` are struck. `delay_s`: how long "slow" waits before it serves normally, and
    how long the hanging kinds hold the connection before it is cut (without it: until the caller leaves). The kinds
    "accept_then_…" take the message, and the caller learns nothing of it: a silence, or a proxy's 504.
    """

    id: int = 0
    method: str = "*"
    chat_id: int | None = None
    kind: Kind
    retry_after: int = Field(default=5, ge=0)
    count: int = Field(default=1, ge=1)
    skip: int = Field(default=0, ge=0)
    delay_s: float | None = Field(default=None, ge=0)
    description: str | None = None
    struck: int = 0

    def strikes(self, method: str, chat_id: int | None) -> bool:
        if self.chat_id is not None and self.chat_id != chat_id:
            return False
        if self.method == "*":
            return method not in ("getupdates", "getme")
        return self.method.lower() == method

    def error(self) -> ApiError:
        """The Bot API error of the kinds 429, 403 and 400."""
        if self.kind == "429":
            return ApiError(429, f"Too Many Requests: retry after {self.retry_after}", self.retry_after)
        return ApiError(int(self.kind), self.description or _TEXT[self.kind])


class FaultList:
    """Armed faults in the order they were asked for; a spent one leaves the list."""

    def __init__(self) -> None:
        self.armed: list[Fault] = []
        self._ids = itertools.count(1)

    def add(self, fault: Fault) -> Fault:
        fault.id = next(self._ids)
        self.armed.append(fault)
        return fault

    def take(self, method: str, chat_id: int | None) -> Fault | None:
        """The fault that strikes this call (method in lower case), if any; it is counted."""
        for fault in self.armed:
            if not fault.strikes(method, chat_id):
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            fault.struck += 1
            if fault.struck >= fault.count:
                self.armed.remove(fault)
            return fault
        return None

    def clear(self, fault_id: int | None = None) -> int:
        before = len(self.armed)
        self.armed = [f for f in self.armed if fault_id is not None and f.id != fault_id]
        return before - len(self.armed)
