"""Every page, with the demo shop's data, against WCAG 2 AA in both schemes, at a desk's width and at a tablet's."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from console.access import PAGES
from crm import campaigns, canned, clock, customers, demo, escalations, imports, staff, webhooks_out
from crm.audiences import EVERYBODY
from crm.customers import Caller
from crm.db import Database
from crm.models.care import Complaint
from crm.models.conversations import Author, Direction, EscalationReason, Message
from crm.models.integration import ImportKind, WebhookEventType
from crm.models.staff import Role
from crm.settings import Settings
from tests.browser import profile, visit
from tests.console.conftest import serve
from tests.console.steps import PASSWORD, Desk, log_in

RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
TABLET = 820


@pytest.fixture(scope="module")
def shop(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A console over the demo shop, with one of everything that the demo shop has none of."""
    home = tmp_path_factory.mktemp("shop")
    path = shutil.copy(sqlite_template, home / "console.db")
    database = Database(f"sqlite:///{path}")
    with database.begin() as session:
        demo.load(session)
        owner = staff.add(session, "chu", "Nguyễn Thị Chủ", Role.OWNER, PASSWORD)
        campaigns.create(session, owner, "Tri ân tháng 11", "Shop cảm ơn anh chị ạ", EVERYBODY)
        webhooks_out.add(session, owner, "Kho", "https://93.184.216.34/hook", [WebhookEventType.RATING_GIVEN])
        imports.begin(session, owner, ImportKind.CUSTOMERS, "khách.csv", "none.csv")
        talk = customers.meet(session, Caller(Settings().bot_id, 5_000_001, "Trần Thu Hà"))
        escalations.open_for(session, talk, EscalationReason.ASKED, note="Hà gọi")
        for words in ("máy giặt nhà em không vắt", "gọi giúp em với"):
            said = {"direction": Direction.IN, "author": Author.CUSTOMER, "text": words, "at": clock.now()}
            session.add(Message(conversation_id=talk.id, **said))
        canned.save(session, owner, "Xin lỗi", "Dạ em xin lỗi ạ", shared=True)
    yield from serve(str(path), home, database)


@pytest.fixture(scope="module")
def page(browser: Browser, shop: Desk) -> Iterator[Page]:
    """The owner's, who may see every page."""
    with profile(browser) as page:
        log_in(page, shop, "chu")
        yield page


def _address(session: Session, pattern: str) -> str:
    """A page that has something on it; of customers and staff the first."""
    talk = session.scalar(
        select(Message.conversation_id).group_by(Message.conversation_id).order_by(func.count().desc())
    )
    numbers = {
        "conversation_id:int": talk,
        "complaint_id:int": session.scalar(select(func.min(Complaint.id))),
        "slug:path": "ban-ui-hoi-nuoc/lap-dat",
        "second:int": 2,
    }
    parts = pattern.split("/")
    return "/".join(str(numbers.get(part[1:-1], 1)) if part.startswith("{") else part for part in parts)


@pytest.mark.parametrize("pattern", PAGES)
def test_everybody_can_read_and_use_the_page(shop: Desk, page: Page, pattern: str) -> None:
    with shop.database.read() as session:
        address = _address(session, pattern)
    page.set_viewport_size({"width": 1440, "height": 900})
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    visit(page, shop.url + address)
    page.wait_for_selector("main h1, main h2, h1")
    expect(page.locator(".upload input:not([aria-label])")).to_have_count(0)  # named once the page is alive
    assert _faults(page) == [], f"{address}, light"
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    page.set_viewport_size({"width": TABLET, "height": 1180})
    assert _faults(page) == [], f"{address}, dark, on a tablet"
    assert page.evaluate("document.documentElement.scrollWidth") <= TABLET, f"{address} scrolls sideways"


def _faults(page: Page) -> list[str]:
    found: list[dict[str, Any]] = Axe().run(page, options=RULES).response["violations"]
    return [
        f"{fault['id']}: {node['html'][:160]} ({node.get('failureSummary', '')[:300]})"
        for fault in found
        for node in fault["nodes"][:3]
    ]
