"""Rows that many tests start from."""

from typing import Any

from sqlalchemy.orm import Session

from crm import clock, customers, dispatch
from crm.customers import Caller
from crm.dispatch import Letter, Outcome, Report
from crm.models.conversations import Conversation
from crm.models.people import Address
from crm.models.staff import Role, Staff
from crm.settings import settings


def conversation(session: Session, chat_id: int = 1001, name: str = "Nguyễn Thị Hạnh") -> Conversation:
    """A customer who has just written for the first time."""
    met = customers.meet(session, Caller(settings().bot_id, chat_id, name))
    met.customer.address = Address.CHI
    session.flush()
    return met


def agent(session: Session, username: str = "lan", role: Role = Role.AGENT) -> Staff:
    """A member of staff whose password nobody knows."""
    member = Staff(username=username, name=username.title(), role=role, password_hash="!", created_at=clock.now())
    session.add(member)
    session.flush()
    return member


def settle(session: Session, letter: Letter, outcome: Outcome, **more: Any) -> bool:
    """Writes what became of a claimed message, `more` as Report has it; False when the claim was over."""
    return not dispatch.settle_all(session, [Report(letter, outcome, **more)])
