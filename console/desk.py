"""What a page may do with the CRM: look at it, or act on it as the person at the screen. Both in a thread."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog
from nicegui import ui
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from console import refusals, visits
from console.access import ACTIONS
from crm import staff_sessions
from crm.db import database
from crm.errors import PermissionDenied, TrianError
from crm.models.staff import Staff
from crm.settings import settings

log = structlog.get_logger(__name__)
Found = TypeVar("Found")


@dataclass(frozen=True)
class Outcome(Generic[Found]):
    """True when the action was done; then `value` is what it returned. Otherwise the person has been told why not."""

    done: bool
    value: Found | None = None

    def __bool__(self) -> bool:
        return self.done


async def look(work: Callable[[Session], Found]) -> Found:
    """Runs `work` in a reading session. What it returns must be loaded: it is used after the session closed."""
    return await asyncio.to_thread(_read, work)


async def act(action: str, work: Callable[[Session, Staff], Found]) -> Outcome[Found]:
    """Runs `work` in one transaction as the person at the screen, who must have the right to `action` at this moment.

    A refusal (somebody else holds it, not allowed, a wrong value) becomes a sentence on the screen.
    """
    visit = visits.current()
    try:
        return Outcome(True, await asyncio.to_thread(_write, action, visit.visitor.token, work))
    except TrianError as error:
        log.info("action_refused", action=action, staff=visit.visitor.staff_id, error=str(error))
        _tell(visit, refusals.refusal(error))
    except SQLAlchemyError:
        log.exception("action_failed", action=action, staff=visit.visitor.staff_id)
        _tell(visit, refusals.database_away())
    return Outcome(False)


def _read(work: Callable[[Session], Found]) -> Found:
    with database(settings().database_url).read() as session:
        return work(session)


def _write(action: str, token: str, work: Callable[[Session, Staff], Found]) -> Found:
    roles = ACTIONS[action]
    with database(settings().database_url).begin() as session:
        staff = staff_sessions.staff_of(session, token)
        if staff is None or staff.role not in roles:
            raise PermissionDenied(f"{action}: not for {staff.role if staff else 'somebody who is logged out'}")
        return work(session, staff)


def _tell(visit: visits.Visit, sentence: str) -> None:
    with visit.client:
        ui.notify(sentence, type="negative", position="top", timeout=6000)
