"""The whole product, as `trian run` starts it, and a real browser."""

import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from crm.settings import settings
from operations.sandbox import Sandbox, start
from tests.browser import chromium, profile


@pytest.fixture(autouse=True, scope="session")
def _articles(embedded: None) -> None:
    """The processes share the tests' embeddings."""


def noon() -> dict[str, str]:
    """A timezone in which it is about noon: the tests may run at night, the law's hours hold all the same."""
    offset = 12 - datetime.now(UTC).hour
    return {"TRIAN_TIMEZONE": f"Etc/GMT{-offset:+d}"}


def fresh_var() -> Path:
    """A folder for one product; it shares the tests' cache of embeddings, which takes a minute to fill."""
    var = Path(tempfile.mkdtemp(prefix="trian-"))
    (var / "embeddings.db").symlink_to((settings().var_dir / "embeddings.db").resolve())
    return var


@pytest.fixture(scope="session")
def system() -> Iterator[Sandbox]:
    """The product on SQLite with the demo shop; one for all end-to-end tests."""
    var = fresh_var()
    running = start(var, TRIAN_SURVEY_DELAY_S="0", **noon())
    yield running
    code = running.stop()
    assert code == 0, "the product did not stop cleanly:\n" + "".join(running.output)
    shutil.rmtree(var, ignore_errors=True)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh browser profile."""
    with profile(browser) as page:
        yield page
