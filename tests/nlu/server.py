"""The server as a process of its own, and asking it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SECRET = "only-for-this-test"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(folder: Path, port: int, secret: str = SECRET) -> subprocess.Popen[bytes]:
    """Serve the project in `folder`; what it writes goes to `folder`/log."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TRIAN_SHARED_SECRET": secret}
    environment.pop("TRIAN_TRACKER_URL", None)
    with (folder / "log").open("wb") as log:
        command = [sys.executable, "-m", "nlu.serve", "--root", str(folder), "--port", str(port)]
        return subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)


def stop(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait(5)


def ask(port: int, path: str, body: dict[str, str] | None = None) -> dict[str, Any]:
    """One request; whatever is no 200 raises."""
    headers = {"Content-Type": "application/json", "X-Trian-Secret": SECRET}
    data = json.dumps(body).encode() if body else None
    request = urllib.request.Request(f"http://127.0.0.1:{port}/webhooks/trian/{path}", data, headers)
    with urllib.request.urlopen(request, timeout=10) as response:
        answer: dict[str, Any] = json.load(response)
        return answer


def wait_until_healthy(process: subprocess.Popen[bytes], port: int) -> dict[str, Any]:
    for _ in range(600):
        assert process.poll() is None, "the server died"
        try:
            return ask(port, "health")
        except OSError:
            time.sleep(0.25)
    raise AssertionError("the server did not start within 150 s")


def wait_for_health(port: int, seconds: float = 60, **wanted: Any) -> dict[str, Any]:
    """Wait until health says what is `wanted`."""
    health: dict[str, Any] = {}
    for _ in range(int(seconds * 10)):
        health = ask(port, "health")
        if all(health[name] == value for name, value in wanted.items()):
            return health
        time.sleep(0.1)
    raise AssertionError(f"health is {health}")
