"""The console under measurement: started, logged in to, written to as customers do, and weighed."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from playwright.async_api import Page, Playwright

from bench.console_world import Size
from crm import clock, staff
from crm.db import Database
from crm.models.conversations import Author, Direction, Message
from crm.models.staff import Role
from crm.settings import Settings
from operations.processes import ROOT
from operations.sandbox import free_ports
from tests.browser import FLAGS, chromium_path

PASSWORD = "mat-khau-cua-bai-do"
START_S = 120.0


def staff_names(size: Size) -> list[str]:
    """Log-in names of the people at work."""
    return [f"nguoi{number}" for number in range(1, size.staff + 1)]


@dataclass(frozen=True)
class Desk:
    """A running console."""

    url: str
    process: subprocess.Popen[bytes]

    @staticmethod
    def bot_id() -> int:
        """The bot under which the customers' chats are."""
        return Settings().bot_id

    @classmethod
    @contextmanager
    def running(cls, url: str, var: Path, database: Database, size: Size, fill: Callable[[], None]) -> Iterator["Desk"]:
        """Adds the staff, fills the database, starts a console over it; ends it afterwards."""
        with database.begin() as session:
            for name in staff_names(size):
                staff.add(session, name, name.title(), Role.AGENT, PASSWORD)
        fill()
        (port,) = free_ports(1)
        settings = {
            "TRIAN_DATABASE_URL": url,
            "TRIAN_VAR_DIR": str(var),
            "TRIAN_SHARED_SECRET": "secret-of-the-bench",
            "TRIAN_TELEGRAM_TOKEN": "",
            "TRIAN_LOG_LEVEL": "WARNING",
        }
        with (var / "console.log").open("wb") as log:
            command = [sys.executable, "-m", "console", "--port", str(port)]
            process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **settings}, stdout=log, stderr=log)
        try:
            _wait(f"http://127.0.0.1:{port}/health", process)
            yield cls(f"http://127.0.0.1:{port}", process)
        finally:
            process.terminate()
            process.wait(30)

    async def log_in(self, name: str) -> httpx.AsyncClient:
        """A person's browser without the browser: cookies, and pages as HTML."""
        # Not longer than the server keeps an idle connection (uvicorn: 5 s): it may close one in the moment of use.
        limits = httpx.Limits(keepalive_expiry=2.0)
        client = httpx.AsyncClient(base_url=self.url, headers={"accept": "text/html"}, timeout=60, limits=limits)
        answer = await client.post("/login", data={"username": name, "password": PASSWORD})
        if answer.status_code != 303:
            raise SystemExit(f"{name} could not log in: {answer.status_code}")
        return client

    def resident_kb(self) -> int:
        """Resident memory of the console's process."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


async def opened(playwright: Playwright, desk: Desk, conversation: int) -> Page:
    """A real Chromium in which the first person has a conversation open."""
    browser = await playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
    page = await browser.new_page()
    await page.goto(f"{desk.url}/login")
    await page.fill("[name=username]", "nguoi1")
    await page.fill("[name=password]", PASSWORD)
    await page.click("button.primary")
    await page.wait_for_selector(".tile")
    await page.goto(f"{desk.url}/conversations/{conversation}")
    await page.wait_for_function("window.did_handshake === true")
    return page


def customer_writes(database: Database, conversation_id: int, words: str) -> None:
    """The row that the bot writes when a message has arrived."""
    with database.begin() as session:
        session.add(
            Message(
                conversation_id=conversation_id,
                direction=Direction.IN,
                author=Author.CUSTOMER,
                text=words,
                attachments=[],
                at=clock.now(),
            )
        )


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SystemExit(f"the console ended with {process.returncode}")
        try:
            if httpx.get(url).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise SystemExit(f"the console did not answer within {START_S:.0f} s")
