"""The whole product, as `trian run` starts it, and a real browser."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from operations.sandbox import Sandbox, start

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
AT_ANY_HOUR = {"TRIAN_QUIET_FROM_HOUR": "24", "TRIAN_QUIET_UNTIL_HOUR": "0"}


@pytest.fixture(scope="session")
def system() -> Iterator[Sandbox]:
    """The product on SQLite with the demo shop; one for all end-to-end tests."""
    var = Path(tempfile.mkdtemp(prefix="trian-"))
    running = start(var, TRIAN_SURVEY_DELAY_S="0", **AT_ANY_HOUR)
    yield running
    code = running.stop()
    assert code == 0, "the product did not stop cleanly:\n" + "".join(running.output)
    shutil.rmtree(var, ignore_errors=True)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """A headless Chromium: Debian's, a real one."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.fail("Chromium is not installed; on Debian: apt install chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        yield chromium
        chromium.close()
