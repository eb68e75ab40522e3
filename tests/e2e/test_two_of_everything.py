"""Two of everything, killed in turn while customers write: nothing is lost, nothing is done twice."""

import collections
import contextlib
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from crm.models.care import Complaint
from crm.models.messaging import ActionReceipt, Inbound, InboundState, Outbox, OutboxState
from crm.models.people import ChannelAccount
from tests.e2e.several import Town, town

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
CHATS = range(980_001, 980_011)
VICTIMS = (
    ("rasa-1", "actions-1", "bot-1", "scheduler-1", "console-1", "redis"),
    ("rasa-2", "actions-2", "bot-2", "scheduler-2", "console-2", "postgresql"),
)
BETWEEN_S = 1.5
PATIENCE_S = 45.0
THINKS_S = 1.0
SETTLES_S = 300.0
CODE = re.compile(r"KN-\d{4}-\d{6}")
# What a customer says to the assistant's last words; the first that fits. "[…]" presses a button, "/photo" sends one.
MANNERS = (
    ("đúng chưa|đọc lại|đúng không", "[Đúng rồi]"),
    ("liên hệ", "[Nhắn ở đây]"),
    ("từ khi nào", "từ tuần trước"),
    ("chuyện gì", "máy giặt mới lắp được hơn tháng mà vắt kêu rầm rầm như xe công nông"),
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
                return act
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


@pytest.fixture(scope="module")
def running() -> Iterator[Town]:
    with town() as running:
        running.serves()
        yield running


@pytest.fixture(scope="module")
def customers(running: Town) -> list[Customer]:
    """Ten people who have lived through the death of each process, and have fallen silent; all is settled."""
    people = [Customer(running, chat) for chat in CHATS]
    for one in people:
        running.control("users", {"id": one.chat, "first_name": "Thảo"})
    stop = threading.Event()
    threads = [threading.Thread(target=one.live, args=(stop,)) for one in people]
    for thread in threads:
        thread.start()
    try:
        for victims in VICTIMS:
            _one_after_the_other(running, victims)
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)
    _settle(running, sum(one.sent for one in people))
    return people


def _one_after_the_other(running: Town, victims: tuple[str, ...]) -> None:
    dead = []
    for name in victims:
        time.sleep(BETWEEN_S)
        dead.append((name, running.kill(name)))
    for name, pid in dead:
        running.serves_again(name, pid)


def _settle(running: Town, sent: int) -> None:
    """Waits until every update is there and dealt with, and nothing is on its way out."""
    deadline = time.monotonic() + SETTLES_S
    while time.monotonic() < deadline:
        with contextlib.suppress(Exception), running.database.read() as session:
            there = session.scalar(select(func.count()).select_from(Inbound)) or 0
            waits = session.scalar(select(func.count()).where(Inbound.state == InboundState.PENDING))
            moves = session.scalar(select(func.count()).where(Outbox.state.in_(_MOVING)))
            if there >= sent and not waits and not moves:
                return
        time.sleep(0.5)


_MOVING = (OutboxState.QUEUED, OutboxState.SENDING)


def test_customers_did_write_while_processes_died(customers: list[Customer]) -> None:
    print({one.chat: (one.sent, one.confirmed, len(one.told)) for one in customers})
    assert sum(one.sent for one in customers) > 50
    assert sum(len(one.told) for one in customers) > 0, "nobody got through a complaint"


def test_every_update_was_handled_once_and_in_order(running: Town, customers: list[Customer]) -> None:
    with running.database.read() as session:
        rows = session.scalars(select(Inbound).order_by(Inbound.update_id)).all()
    assert collections.Counter(row.state for row in rows) == {InboundState.DONE: sum(one.sent for one in customers)}
    for one in customers:
        mine = [row for row in rows if row.chat_id == one.chat]
        assert len(mine) == one.sent
        assert all(earlier.done_at < later.done_at for earlier, later in pairwise(mine)), one.chat


def test_every_reply_was_accepted_once_or_sent_again_once(running: Town, customers: list[Customer]) -> None:
    calls = running.control("accepted?method=sendMessage")["accepted"]
    accepted = collections.Counter((call["chat_id"], call["text"]) for call in calls)
    with running.database.read() as session:
        rows = session.execute(
            select(ChannelAccount.chat_id, Outbox).join(Outbox.account).where(ChannelAccount.chat_id.in_(CHATS))
        ).all()
    assert [(row.state, row.reason) for _, row in rows if row.state is not OutboxState.SENT] == []
    wanted = collections.Counter((chat, row.body["text"]) for chat, row in rows)
    again: collections.Counter[tuple[int, str]] = collections.Counter()
    for chat, row in rows:
        assert row.resends <= 1
        again[(chat, row.body["text"])] += row.resends
    mine: dict[Any, int] = {key: count for key, count in accepted.items() if key[0] in CHATS}
    assert mine.keys() == wanted.keys()
    for key, count in mine.items():
        assert wanted[key] <= count <= wanted[key] + again[key], key


def test_no_complaint_is_lost_or_written_twice(running: Town, customers: list[Customer]) -> None:
    with running.database.read() as session:
        rows = session.execute(
            select(ChannelAccount.chat_id, Complaint.code).join(
                Complaint, Complaint.customer_id == ChannelAccount.customer_id
            )
        ).all()
        filed = [str(receipt.result.get("code")) for receipt in session.scalars(select(ActionReceipt))]
    # A receipt is of one update: no update has filed two complaints, and none was filed past its receipt.
    assert sorted(code for code in filed if CODE.fullmatch(code)) == sorted(
        code for chat, code in rows if chat in CHATS
    )
    for one in customers:
        codes = {code for chat, code in rows if chat == one.chat}
        assert one.told <= codes, "a code was promised that is not in the records"
        assert len(codes) <= one.confirmed, "more complaints than confirmations"


def test_afterwards_the_assistant_answers_as_ever(running: Town, customers: list[Customer]) -> None:
    running.serves()
    running.control("users", {"id": 980_100, "first_name": "Bình"})
    played = running.control(
        "script",
        {
            "user_id": 980_100,
            "steps": [
                {"say": "may giat khong vat duoc do con uot sung"},
                {"expect": "Có giúp được", "timeout_s": 60},
                {"press": "Chưa được", "timeout_s": 60},
                {"expect": "nhân viên", "timeout_s": 60},
            ],
        },
    )
    assert played["ok"], played
