"""Who is still there: each request and each press of a button puts the idle end of a log-in off."""

import asyncio
import time

import structlog
from nicegui import background_tasks
from sqlalchemy.exc import SQLAlchemyError

from crm import staff_sessions
from crm.db import database
from crm.settings import settings

log = structlog.get_logger(__name__)
EVERY_S = staff_sessions.SEEN_EVERY.total_seconds()
_MANY = 1000
_written: dict[str, float] = {}


def seen(token: str) -> None:
    """Notes that the person of this log-in is there; at most one write a minute, after the answer went out."""
    now = time.monotonic()
    if now - _written.get(token, -EVERY_S) < EVERY_S:
        return
    if len(_written) > _MANY:
        for old in [each for each, at in _written.items() if now - at >= EVERY_S]:
            del _written[old]
    _written[token] = now
    background_tasks.create(_note(token), name="presence")


async def _note(token: str) -> None:
    try:
        await asyncio.to_thread(_write, token)
    except SQLAlchemyError as error:
        log.warning("presence_not_written", error=type(error).__name__)


def _write(token: str) -> None:
    with database(settings().database_url).begin() as session:
        staff_sessions.seen(session, token)
