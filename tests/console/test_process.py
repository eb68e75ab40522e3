"""The process: it waits for its database, and ends when told to."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx

from crm import schema
from crm.db import Database


def test_it_waits_for_a_migrated_database_and_ends_promptly(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"sqlite:///{tmp_path}/late.db"
    settings = {"TRIAN_DATABASE_URL": url, "TRIAN_VAR_DIR": str(tmp_path), "TRIAN_SHARED_SECRET": "for-this-test-only"}
    command = [sys.executable, "-m", "console", "--port", str(port)]
    process = subprocess.Popen(command, env={**os.environ, **settings}, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        assert "waiting_for_database" in process.stderr.readline()
        assert not _answers(port)
        database = Database(url)
        schema.upgrade(database.engine)
        database.dispose()
        assert any(_answers(port) or time.sleep(0.1) for _ in range(600))
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()


def test_without_the_secret_it_says_what_to_do(tmp_path: Path) -> None:
    settings = {"TRIAN_DATABASE_URL": f"sqlite:///{tmp_path}/x.db", "TRIAN_SHARED_SECRET": ""}
    command = [sys.executable, "-m", "console", "--port", "1"]
    ended = subprocess.run(command, env={**os.environ, **settings}, capture_output=True, text=True, timeout=30)
    assert ended.returncode == 1
    assert "TRIAN_SHARED_SECRET is not set" in ended.stderr


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200
    except httpx.TransportError:
        return False
