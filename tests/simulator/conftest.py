"""A real simulator process on a port of its own, and python-telegram-bot's own Bot talking to it."""

import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from telegram import Bot

TOKEN = "4242:simulator-tests-token-0123456789"


class Control:
    """The control API, as a test calls it."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._client = httpx.Client(base_url=f"{address}/control", timeout=30)

    def get(self, path: str) -> Any:
        return self._client.get(path).raise_for_status().json()

    def post(self, path: str, **body: Any) -> Any:
        return self._client.post(path, json=body).raise_for_status().json()

    def edit(self, chat_id: int, message_id: int, text: str) -> None:
        self._client.patch(f"/chats/{chat_id}/messages/{message_id}", json={"text": text}).raise_for_status()

    def status(self, path: str, **body: Any) -> int:
        """The HTTP status of a POST that may be refused."""
        return self._client.post(path, json=body).status_code

    def clear(self) -> None:
        self._client.post("/reset")
        self._client.delete("/faults")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(*arguments: str) -> Iterator[str]:
    """A simulator process with these arguments; gives its address. It must stop cleanly."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "simulator", "--port", str(port), *arguments])
    address = f"http://127.0.0.1:{port}"
    for _ in range(200):
        try:
            httpx.get(f"{address}/healthz")
            break
        except httpx.HTTPError:
            time.sleep(0.1)
    yield address
    process.terminate()
    assert process.wait(timeout=10) == 0


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    with serving() as address:
        yield address


@pytest.fixture
def control(address: str) -> Control:
    control = Control(address)
    control.clear()
    return control


@pytest.fixture
async def bot(address: str, control: Control) -> AsyncIterator[Bot]:
    async with Bot(TOKEN, base_url=f"{address}/bot", base_file_url=f"{address}/file/bot") as bot:
        yield bot


@pytest.fixture
def person(bot: Bot, control: Control) -> Callable[[int], int]:
    """Adds a person who has pressed Start; gives the chat id."""

    def add(chat_id: int) -> int:
        control.post("/users", id=chat_id, first_name=f"Khách {chat_id}")
        control.post(f"/chats/{chat_id}/start")
        return chat_id

    return add
