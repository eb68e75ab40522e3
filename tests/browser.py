"""A headless Chromium: Debian's, a real one, with nothing of it talking to the outside."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

# Two busy cores take seconds to draw a page, and a timing never decides a test.
expect.set_options(timeout=30_000)

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


@contextmanager
def profile(browser: Browser) -> Iterator[Page]:
    """A page of a fresh browser profile."""
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    context.set_default_timeout(60_000)
    yield context.new_page()
    context.close()


def visit(page: Page, url: str) -> None:
    """Opens a page of the console and waits until it is alive: until then NiceGUI may load it once more by itself."""
    page.goto(url)
    page.wait_for_function("window.did_handshake === true")


def log_in(page: Page, console: str, username: str, password: str) -> None:
    """Through the form, as a person does; `console` is its address."""
    page.goto(f"{console}/login")
    page.fill("[name=username]", username)
    page.fill("[name=password]", password)
    page.click("button.primary")
    page.wait_for_selector(".tile")
    page.wait_for_function("window.did_handshake === true")
