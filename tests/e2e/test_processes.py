"""What dies comes back, the customer is answered all the same, and everything stops cleanly."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from crm.settings import Settings
from operations import sandbox
from operations.processes import all_processes
from operations.sandbox import Sandbox
from tests.e2e.conftest import fresh_var, noon
from tests.e2e.people import newcomer, play

pytestmark = pytest.mark.e2e
COMES_BACK_S = 90


def test_the_banner_says_where_everything_is(system: Sandbox) -> None:
    banner = "".join(system.output)
    for words in (system.chat, system.console, "lan", "minh", "quan", "trian-demo", "Ctrl-C"):
        assert words in banner


def test_a_taken_port_is_said_in_a_sentence(system: Sandbox) -> None:
    again = subprocess.run(
        [sys.executable, "-m", "operations", "run"], env=system.environment, capture_output=True, text=True, check=False
    )
    assert again.returncode == 1
    assert "is taken" in again.stderr
    assert "Traceback" not in again.stderr


@pytest.mark.parametrize("name", ["simulator", "rasa", "actions", "bot", "scheduler", "console"])
def test_a_killed_process_comes_back(system: Sandbox, name: str) -> None:
    pid = system.pid(name)
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + COMES_BACK_S
    while system.pid(name) in (0, pid) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert system.pid(name) not in (0, pid)


def test_after_all_these_deaths_a_customer_is_served(system: Sandbox) -> None:
    deadline = time.monotonic() + COMES_BACK_S
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{system.console}/health", timeout=5).is_success and system.control("state")["bots"]:
                break
        except httpx.HTTPError:
            pass
        time.sleep(0.5)
    rasa = f"{system.environment['TRIAN_RASA_URL']}/webhooks/trian/health"
    while time.monotonic() < deadline:
        try:
            if httpx.get(rasa, timeout=5).is_success:
                break
        except httpx.HTTPError:
            time.sleep(0.5)
    stranger = newcomer(system, 940_001)
    play(system, stranger, "> máy giặt không vắt được, đồ còn ướt sũng", "Có giúp được")


def test_it_serves_on_postgresql_and_leaves_no_process_behind(postgres_url: str) -> None:
    var = fresh_var()
    running = sandbox.start(var, postgres_url, **noon())
    try:
        play(running, newcomer(running, 940_002), "> cho mình gặp nhân viên", "mời nhân viên")
        pids = [running.pid(process.name) for process in all_processes(Settings())]
    finally:
        code = running.stop()
    assert code == 0
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []
    shutil.rmtree(var, ignore_errors=True)
