"""The real process: it waits for its database, acts, and stops when told to."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from crm import audiences, campaigns, consents, health, schema
from crm.db import Database
from crm.models.campaigns import CampaignState
from crm.models.people import Purpose
from crm.models.staff import Role
from tests.crm import factories


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[[str], "subprocess.Popen[bytes]"]]:
    processes: list[subprocess.Popen[bytes]] = []

    def start(url: str) -> "subprocess.Popen[bytes]":
        environment = {**os.environ, "TRIAN_DATABASE_URL": url, "TRIAN_SHARED_SECRET": "x"}
        with (tmp_path / f"log{len(processes)}.txt").open("wb") as log:
            process = subprocess.Popen([sys.executable, "-m", "scheduler"], env=environment, stderr=log)
        processes.append(process)
        return process

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.wait()


def _until(holds: Callable[[], bool], seconds: float = 20) -> None:
    ends = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends, "it did not happen in time"
        time.sleep(0.1)


def _stop(process: "subprocess.Popen[bytes]") -> float:
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    return time.monotonic() - began


def test_it_waits_for_the_database_acts_hands_over_and_stops_promptly(
    tmp_path: Path, started: Callable[[str], "subprocess.Popen[bytes]"]
) -> None:
    url = f"sqlite:///{tmp_path / 'scheduler.db'}"
    first = started(url)
    time.sleep(1.5)
    assert first.poll() is None
    database = Database(url)
    schema.upgrade(database.engine)

    def signs() -> list[health.Sign]:
        with database.read() as session:
            return health.signs(session)

    _until(lambda: bool(signs()))
    second = started(url)
    with database.begin() as session:
        talk, minh = factories.conversation(session), factories.agent(session, "minh", Role.MARKETING)
        consents.record(session, talk.customer_id, Purpose.MARKETING, granted=True, channel="test")
        campaign = campaigns.create(session, minh, "Thử", "Chào {address}", audiences.person(talk.customer_id))
        campaigns.schedule(session, campaign, minh)

    def queued() -> bool:
        with database.read() as session:
            fresh = campaigns.get(session, campaign.id)
            return fresh.state is CampaignState.RUNNING and bool(campaigns.progress(session, fresh).states)

    _until(queued)
    assert _stop(first) < 5
    beaten = signs()[0].age_s
    _until(lambda: signs()[0].age_s < beaten, seconds=10)  # the second leads at once, and says so
    assert _stop(second) < 5
    database.dispose()


def test_it_stops_while_it_still_waits(tmp_path: Path, started: Callable[[str], "subprocess.Popen[bytes]"]) -> None:
    process = started(f"sqlite:///{tmp_path / 'never.db'}")
    log = tmp_path / "log0.txt"
    _until(lambda: b"waiting for a migrated database" in log.read_bytes())
    assert _stop(process) < 5
