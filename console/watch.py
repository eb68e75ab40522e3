"""`GET /health` for watchdogs: is the database there and current, and when did the others last give a sign of life."""

from fastapi import APIRouter
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import JSONResponse

from crm import health, schema
from crm.db import Database, database
from crm.settings import settings

router = APIRouter()


@router.get("/health")
def answer() -> JSONResponse:
    """200 when this process can serve, else 503. Nothing in it is about a person."""
    base = database(settings().database_url)
    reachable, current = state_of(base)
    body = {
        "status": "ok" if current else "unavailable",
        "database": {"reachable": reachable, "current": current},
        "heartbeats_s": _heartbeats(base) if current else {},
    }
    return JSONResponse(body, 200 if current else 503, headers={"Cache-Control": "no-store"})


def state_of(base: Database) -> tuple[bool, bool]:
    """Whether the database answers, and whether it is migrated to the newest revision."""
    try:
        return True, schema.is_current(base.engine)
    except SQLAlchemyError:
        return False, False


def _heartbeats(base: Database) -> dict[str, float]:
    """Seconds since each process's last sign of life."""
    with base.read() as session:
        return {sign.process: round(sign.age_s, 1) for sign in health.signs(session)}
