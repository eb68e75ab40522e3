"""A headless Chromium: Debian's, a real one, with nothing of it talking to the outside."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--lang=vi",
]


def chromium_path() -> str:
    """The machine's Chromium; the test fails with a sentence where there is none."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.fail("Chromium is not installed; on Debian: apt install chromium")
    return path


@contextmanager
def chromium() -> Iterator[Browser]:
    """Opens it for a package's tests: Playwright keeps an event loop running, in which no async test could run."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        yield browser
        browser.close()
