"""The server as a process: it starts, keeps customers' words out of its log, and stops when told."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from nlu.fingerprint import model_name, write_current

ROOT = Path(__file__).resolve().parents[2]
SECRET = "only-for-this-test"


@pytest.fixture
def served(project: Path, model_path: Path, tmp_path: Path) -> Path:
    """A project folder with a model in use."""
    for name in ("credentials.yml", "endpoints.yml"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "models").mkdir()
    mark = "ab" * 32
    shutil.copy(model_path, tmp_path / "models" / model_name(mark))
    write_current(tmp_path / "models", mark)
    return tmp_path


def _start(folder: Path, port: int, secret: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TRIAN_SHARED_SECRET": secret}
    environment.pop("TRIAN_TRACKER_URL", None)
    with (folder / "log").open("wb") as log:
        command = [sys.executable, "-m", "nlu.serve", "--root", str(folder), "--port", str(port)]
        return subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _ask(port: int, path: str, body: dict[str, str] | None = None) -> dict[str, object]:
    headers = {"Content-Type": "application/json", "X-Trian-Secret": SECRET}
    data = json.dumps(body).encode() if body else None
    request = urllib.request.Request(f"http://127.0.0.1:{port}/webhooks/trian/{path}", data, headers)
    with urllib.request.urlopen(request, timeout=5) as response:
        answer: dict[str, object] = json.load(response)
        return answer


def _wait_until_healthy(process: subprocess.Popen[bytes], port: int) -> dict[str, object]:
    for _ in range(240):
        assert process.poll() is None, "the server died"
        try:
            return _ask(port, "health")
        except OSError:
            time.sleep(0.25)
    raise AssertionError("the server did not start within a minute")


def test_serves_quietly_and_stops_on_sigterm(served: Path, port: int) -> None:
    process = _start(served, port, SECRET)
    try:
        assert _wait_until_healthy(process, port)["fingerprint"] == "abababababab"
        turn = {"conversation_id": "1", "turn_id": "1", "text": "xin chào shop yêu dấu"}
        assert _ask(port, "turn", turn)["intent"]["name"] == "greet"  # type: ignore[index]
        assert (served / "var" / "tracker.db").is_file()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait(5)
    log = (served / "log").read_text(encoding="utf-8")
    assert "yêu dấu" not in log
    assert SECRET not in log
    assert "Traceback" not in log


def test_does_not_start_without_a_secret_or_a_model(served: Path, port: int) -> None:
    process = _start(served, port, "")
    assert process.wait(30) == 1
    assert "TRIAN_SHARED_SECRET" in (served / "log").read_text(encoding="utf-8")
    (served / "models" / "current.json").unlink()
    process = _start(served, port, SECRET)
    assert process.wait(30) == 1
    assert "python -m nlu.train" in (served / "log").read_text(encoding="utf-8")
