"""What the tests of the console do again and again: log in, and put people and their words into the database."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import httpx
from playwright.sync_api import Page, expect
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import clock, customers, escalations
from crm.customers import Caller
from crm.db import Database
from crm.models.conversations import Author, Conversation, Direction, EscalationReason, Message
from crm.models.messaging import Outbox
from crm.models.people import Address, Tier
from crm.models.staff import Staff
from crm.settings import Settings
from tests import browser

PASSWORD = "mat-khau-thu"
_chats = count(5_000_001)


@dataclass(frozen=True)
class Desk:
    """The running console: where it answers, its database, its directory, its process."""

    url: str
    database: Database
    var: Path
    process: subprocess.Popen[bytes]


def log_in(page: Page, desk: Desk, username: str) -> None:
    """Through the form, as a person does."""
    browser.log_in(page, desk.url, username, PASSWORD)


@contextmanager
def visitor(desk: Desk, username: str) -> Iterator[httpx.Client]:
    """A logged-in client without a browser."""
    with httpx.Client(base_url=desk.url, headers={"accept": "text/html"}) as client:
        answer = client.post("/login", data={"username": username, "password": PASSWORD})
        assert answer.status_code == 303, answer.status_code
        yield client


def chat(desk: Desk, name: str, words: str = "", tier: Tier = Tier.NONE, *, calls: bool = False) -> Conversation:
    """A customer's conversation with what they wrote; `calls`: they ask for a person."""
    with desk.database.begin() as session:
        conversation = customers.meet(session, Caller(Settings().bot_id, next(_chats), name))
        conversation.customer.address, conversation.customer.tier = Address.CHI, tier
        if calls:
            escalations.open_for(session, conversation, EscalationReason.ASKED, note=f"{name} gọi")
    if words:
        say(desk, conversation, words)
    return conversation


def say(desk: Desk, conversation: Conversation, words: str, photo: str = "") -> None:
    """The customer writes."""
    with desk.database.begin() as session:
        escalations.customer_wrote(session, conversation.id)
        session.add(
            Message(
                conversation_id=conversation.id,
                direction=Direction.IN,
                author=Author.CUSTOMER,
                text=words,
                attachments=[{"kind": "photo", "path": photo, "name": "anh"}] if photo else [],
                at=clock.now(),
            )
        )


def sent_to(desk: Desk, conversation: Conversation) -> list[Outbox]:
    """Every message on its way to the customer, oldest first."""
    with desk.database.read() as session:
        mine = select(Outbox).where(Outbox.account_id == conversation.account_id).order_by(Outbox.id)
        return list(session.scalars(mine))


def staff(session: Session, username: str) -> Staff:
    """One of the desk's people."""
    return session.scalars(select(Staff).where(Staff.username == username)).one()


def held(desk: Desk, name: str) -> Conversation:
    """A conversation that lan holds."""
    conversation = chat(desk, name, "máy giặt không vắt", calls=True)
    with desk.database.begin() as session:
        alive = escalations.current(session, conversation.id)
        assert alive is not None
        escalations.claim(session, alive.id, staff(session, "lan"))
    return conversation


def open_held(page: Page, desk: Desk, name: str) -> Conversation:
    """The conversation that lan holds, on her screen."""
    conversation = held(desk, name)
    log_in(page, desk, "lan")
    browser.visit(page, f"{desk.url}/conversations/{conversation.id}")
    expect(page.locator(".reply textarea")).to_be_visible()
    return conversation
