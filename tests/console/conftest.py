"""One real console on a free port over a migrated SQLite file, and one real headless Chromium."""

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page
from sqlalchemy import update

from crm import staff
from crm.db import Database
from crm.models.staff import Role, Staff
from tests.browser import chromium, profile
from tests.console.steps import PASSWORD, Desk


@pytest.fixture(scope="session")
def _one_desk(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    home = tmp_path_factory.mktemp("console")
    path = shutil.copy(sqlite_template, home / "console.db")
    database = Database(f"sqlite:///{path}")
    with database.begin() as session:
        for username, role in (
            ("lan", Role.AGENT),
            ("hai", Role.AGENT),
            ("minh", Role.MARKETING),
            ("quan", Role.ADMIN),
            ("thao", Role.LEAD),
            ("chu", Role.OWNER),
        ):
            staff.add(session, username, f"Nhân viên {username.capitalize()}", role, PASSWORD)
    with closing(sqlite3.connect(path)) as first, closing(sqlite3.connect(home / "first.db")) as copy:
        first.backup(copy)
    yield from serve(path, home, database)


@pytest.fixture(scope="module")
def desk(_one_desk: Desk) -> Desk:
    """A console with PASSWORD for staff of every role: `lan` and `hai` (agents), `thao` (lead), `minh` (marketing),
    `quan` (admin), `chu` (owner).

    One process serves all files of tests; each finds its database as it was in the beginning, whichever ran before.
    """
    with (
        closing(sqlite3.connect(_one_desk.var / "first.db")) as first,
        closing(sqlite3.connect(_one_desk.var / "console.db", timeout=30)) as live,
    ):
        first.backup(live)
    return _one_desk


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh browser profile."""
    with profile(browser) as page:
        yield page


@pytest.fixture(autouse=True)
def _everybody_in_vietnamese(request: pytest.FixtureRequest) -> Iterator[None]:
    """The language that a test chose is remembered for the person: the next test must not find it."""
    yield
    if "desk" in request.fixturenames:
        with request.getfixturevalue("desk").database.begin() as session:
            session.execute(update(Staff).values(language=None))


def serve(path: str, home: Path, database: Database, **settings: str) -> Iterator[Desk]:
    """Runs a console over the database file until the test is done with it. `settings`: further TRIAN_* variables."""
    port = _free_port()
    process = _start(port, path, home, **settings)
    try:
        _wait(f"http://127.0.0.1:{port}/health", process)
        yield Desk(f"http://127.0.0.1:{port}", database, home, process)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0, (home / "console.log").read_text()
        database.dispose()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _start(port: int, path: str, home: Path, **more: str) -> subprocess.Popen[bytes]:
    settings = {
        "TRIAN_DATABASE_URL": f"sqlite:///{path}",
        "TRIAN_VAR_DIR": str(home),
        "TRIAN_SHARED_SECRET": "a-secret-for-this-test-run",
        "TRIAN_TELEGRAM_TOKEN": "",
        **more,
    }
    with (home / "console.log").open("wb") as log:
        command = [sys.executable, "-m", "console", "--port", str(port)]
        return subprocess.Popen(command, env={**os.environ, **settings}, stdout=log, stderr=log)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        if process.poll() is not None:
            raise RuntimeError(f"the console ended with {process.returncode}")
        try:
            if httpx.get(url).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise RuntimeError("the console did not answer within 30 s")
