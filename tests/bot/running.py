"""Real processes of the bot and the simulator, and what their tests ask of them."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from crm.db import Database
from crm.models.conversations import Direction, Message
from crm.models.messaging import Inbound, InboundState, Lease, Outbox, OutboxState

CHATS = range(700_001, 700_007)
BOT_ID = 100000001
MESSAGES = 4
PATIENCE_S = 90


@contextmanager
def process(module: str, *arguments: str, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
    running = subprocess.Popen([sys.executable, "-m", module, *arguments], env={**os.environ, **settings})
    try:
        yield running
    finally:
        running.terminate()
        running.wait(timeout=20)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Simulator:
    def __init__(self, port: int) -> None:
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30)
        self._until(lambda: self._client.get("/").is_success)

    def _until(self, done: Any) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            try:
                if done():
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.1)
        pytest.fail("the simulator did not start")

    def post(self, path: str, body: dict[str, Any]) -> httpx.Response:
        return self._client.post(f"/control/{path}", json=body)

    def people_write(self, texts: int) -> None:
        """Every chat writes `texts` messages, once the bot has introduced itself to the simulator."""
        self._until(lambda: self.post("updates", {"updates": []}).is_success)
        for chat in CHATS:
            self.post("users", {"id": chat, "first_name": f"Khách {chat}"}).raise_for_status()
        for number in range(texts):
            for chat in CHATS:
                self.post(f"chats/{chat}/messages", {"text": f"/start {number}"}).raise_for_status()

    def accepted(self, chat: int) -> list[str]:
        """Texts that Telegram accepted for `chat`, in order."""
        calls = self._client.get("/control/accepted?method=sendMessage").json()["accepted"]
        return [call["text"] for call in calls if call["chat_id"] == chat]


def settled(database: Database, expected: int) -> bool:
    with database.read() as session:
        done = session.scalar(select(func.count()).where(Inbound.state == InboundState.DONE))
        moving = session.scalar(select(func.count()).where(Outbox.state.in_((OutboxState.QUEUED, OutboxState.SENDING))))
    return done == expected and moving == 0


def check(database: Database, simulator: Simulator) -> None:
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Inbound)) == len(CHATS) * MESSAGES
        handled = session.execute(
            select(Inbound.chat_id, Inbound.done_at).order_by(Inbound.chat_id, Inbound.update_id)
        ).all()
        heard = session.scalars(select(Message.text).where(Message.direction == Direction.IN)).all()
        rows = session.scalars(select(Outbox).order_by(Outbox.id)).all()
        chats = {row.id: row.account.chat_id for row in rows}
    assert list(handled) == sorted(handled), "a chat's updates were handled out of order"
    assert sorted(heard) == sorted(f"/start {number}" for number in range(MESSAGES) for _ in CHATS)
    # One answer a message, and the introduction before the first.
    assert len(rows) == len(CHATS) * (MESSAGES + 1)
    for chat in CHATS:
        mine = [row for row in rows if chats[row.id] == chat]
        sent = [row for row in mine if row.state is OutboxState.SENT]
        accepted = simulator.accepted(chat)
        assert len(sent) <= len(accepted) <= len(mine) + sum(row.resends for row in mine)
        assert all(row.state in (OutboxState.SENT, OutboxState.UNKNOWN) for row in mine)
        assert "tự động" in accepted[0]


def until(done: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE_S
    while not done() and time.monotonic() < deadline:
        time.sleep(0.2)
    return done()


def environment(database: Database, folder: Path, port: int, **more: str) -> dict[str, str]:
    return {
        "TRIAN_DATABASE_URL": database.engine.url.render_as_string(hide_password=False),
        "TRIAN_VAR_DIR": str(folder),
        "TRIAN_SIMULATOR_PORT": str(port),
        "TRIAN_RASA_URL": f"http://127.0.0.1:{free_port()}",
        "TRIAN_RASA_TIMEOUT_S": "1",
        "TRIAN_LEASE_TTL_S": "3",
        "TRIAN_LOG_LEVEL": "ERROR",
        **more,
    }


def workers(database: Database) -> set[int]:
    with database.read() as session:
        return set(session.scalars(select(Lease.fence).where(Lease.name.startswith(f"worker:{BOT_ID}:"))))
