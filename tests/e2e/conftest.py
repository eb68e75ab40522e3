"""The whole product, as `trian run` starts it, on ports and in a folder of this test run's own."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, sync_playwright

from crm.db import Database

ROOT = Path(__file__).parents[2]
START_TIMEOUT_S = 240
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass(frozen=True)
class System:
    """The running product: its pages, its database, its folder and everything it printed while it started."""

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
        """The process id that the supervisor knows for `name`."""
        command = [
            sys.executable,
            "-m",
            "supervisor.supervisorctl",
            "-c",
            str(self.var / "supervisord.conf"),
            "pid",
            name,
        ]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    def stop(self) -> int:
        """Asks it to stop as an operator's SIGTERM would; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nothing uses just now."""
    sockets = [socket.socket() for _ in range(count)]
    for probe in sockets:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in sockets]
    for probe in sockets:
        probe.close()
    return ports


def start(var: Path, database_url: str, **settings: str) -> System:
    """Starts `trian run` and waits for its banner."""
    rasa, actions, console, chat = free_ports(4)
    environment = {
        **os.environ,
        "TRIAN_DATABASE_URL": database_url,
        "TRIAN_TRACKER_URL": f"sqlite:///{var}/tracker.db",
        "TRIAN_VAR_DIR": str(var),
        "TRIAN_TELEGRAM_TOKEN": "",
        "TRIAN_SHARED_SECRET": "secret-of-the-tests",
        "TRIAN_RASA_URL": f"http://127.0.0.1:{rasa}",
        "TRIAN_ACTIONS_URL": f"http://127.0.0.1:{actions}/webhook",
        "TRIAN_CONSOLE_PORT": str(console),
        "TRIAN_SIMULATOR_PORT": str(chat),
        "TRIAN_SURVEY_DELAY_S": "0",
        "TRIAN_QUIET_FROM_HOUR": "24",
        "TRIAN_QUIET_UNTIL_HOUR": "0",
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
    return System(
        chat=f"http://127.0.0.1:{chat}",
        console=f"http://127.0.0.1:{console}",
        database=Database(database_url),
        var=var,
        process=process,
        output=output,
        environment=environment,
    )


def _wait_for_banner(process: subprocess.Popen[str]) -> list[str]:
    output: list[str] = []
    served = threading.Event()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            output.append(line)
            if line.startswith("└"):
                served.set()
        served.set()

    threading.Thread(target=read, daemon=True).start()
    if not served.wait(START_TIMEOUT_S) or not any(line.startswith("└") for line in output):
        process.send_signal(signal.SIGTERM)
        pytest.fail("the product did not start:\n" + "".join(output))
    return output


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The product on SQLite, with the demo shop; one for all end-to-end tests."""
    var = tmp_path_factory.mktemp("system")
    running = start(var, f"sqlite:///{var}/trian.db")
    yield running
    code = running.stop()
    running.database.dispose()
    assert code == 0, "the product did not stop cleanly:\n" + "".join(running.output)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium: Debian's, a real one."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.fail("Chromium is not installed; on Debian: apt install chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        yield chromium
        chromium.close()
