"""A whole product of its own, in a folder and on ports of its own: what end-to-end tests and benches run against."""

import os
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from crm.db import Database
from operations.processes import ROOT

START_TIMEOUT_S = 300.0
STOP_TIMEOUT_S = 60.0
_BANNER_END = "└"


class NotStarted(Exception):
    """The product did not come up; the message holds everything it printed."""


@dataclass(frozen=True)
class Sandbox:
    """The running product: its pages, its database, its folder and everything it printed so far."""

    chat: str
    console: str
    database: Database
    var: Path
    process: subprocess.Popen[str]
    output: list[str]
    environment: dict[str, str]

    def control(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """Calls the simulator's control API: POST with a body, GET without."""
        url = f"{self.chat}/control/{path}"
        answer = httpx.get(url, timeout=60) if body is None else httpx.post(url, json=body, timeout=60)
        answer.raise_for_status()
        return answer.json()

    def pid(self, name: str) -> int:
        """The process id that the supervisor knows for `name`, 0 while it is not running."""
        supervisorctl = Path(sys.executable).with_name("supervisorctl")
        command = [str(supervisorctl), "-c", str(self.var / "supervisord.conf"), "pid", name]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    def stop(self) -> int:
        """Asks it to stop as an operator's SIGTERM would; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=STOP_TIMEOUT_S)
        self.database.dispose()
        return code


def start(var: Path, database_url: str | None = None, **settings: str) -> Sandbox:
    """Starts `trian run` and waits for its banner. Raises NotStarted.

    Args:
        var: folder for databases, logs and sockets; its path must be short enough for a Unix socket.
        settings: further TRIAN_* variables, by full name.
    """
    database_url = database_url or f"sqlite:///{var}/trian.db"
    rasa, actions, console, chat = free_ports(4)
    environment = {
        **os.environ,
        "TRIAN_DATABASE_URL": database_url,
        "TRIAN_TRACKER_URL": f"sqlite:///{var}/tracker.db",
        "TRIAN_VAR_DIR": str(var),
        "TRIAN_TELEGRAM_TOKEN": "",
        "TRIAN_SHARED_SECRET": "secret-of-the-sandbox",
        "TRIAN_RASA_URL": f"http://127.0.0.1:{rasa}",
        "TRIAN_ACTIONS_URL": f"http://127.0.0.1:{actions}/webhook",
        "TRIAN_CONSOLE_PORT": str(console),
        "TRIAN_SIMULATOR_PORT": str(chat),
        **settings,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "operations", "run"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    output = _wait_for_banner(process)
    urls = {"chat": f"http://127.0.0.1:{chat}", "console": f"http://127.0.0.1:{console}"}
    return Sandbox(
        **urls, database=Database(database_url), var=var, process=process, output=output, environment=environment
    )


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 on which nobody listens now."""
    sockets = [socket.socket() for _ in range(count)]
    for probe in sockets:
        probe.bind(("127.0.0.1", 0))
    ports = [int(probe.getsockname()[1]) for probe in sockets]
    for probe in sockets:
        probe.close()
    return ports


def _wait_for_banner(process: subprocess.Popen[str]) -> list[str]:
    output: list[str] = []
    ended = threading.Event()

    def read() -> None:
        for line in process.stdout or ():
            output.append(line)
            if line.startswith(_BANNER_END):
                ended.set()
        ended.set()

    threading.Thread(target=read, daemon=True).start()
    if not ended.wait(START_TIMEOUT_S) or not any(line.startswith(_BANNER_END) for line in output):
        process.terminate()
        raise NotStarted("".join(output))
    return output
