"""The server as a process: it starts, keeps customers' words out of its log, and stops when told."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import pytest
from server import ROOT, SECRET, ask, free_port, start, stop, wait_until_healthy

from nlu.fingerprint import model_name, write_current


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


def test_serves_quietly_and_stops_on_sigterm(served: Path) -> None:
    port = free_port()
    process = start(served, port)
    try:
        assert wait_until_healthy(process, port)["fingerprint"] == "abababababab"
        turn = {"conversation_id": "1", "turn_id": "1", "text": "xin chào shop yêu dấu"}
        assert ask(port, "turn", turn)["intent"]["name"] == "greet"
        assert (served / "var" / "tracker.db").is_file()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        stop(process)
    log = (served / "log").read_text(encoding="utf-8")
    assert "yêu dấu" not in log
    assert SECRET not in log
    assert "Traceback" not in log


def test_does_not_start_without_a_secret_or_a_model(served: Path) -> None:
    port = free_port()
    process = start(served, port, "")
    assert process.wait(30) == 1
    assert "TRIAN_SHARED_SECRET" in (served / "log").read_text(encoding="utf-8")
    (served / "models" / "current.json").unlink()
    process = start(served, port)
    assert process.wait(30) == 1
    assert "python -m nlu.train" in (served / "log").read_text(encoding="utf-8")
