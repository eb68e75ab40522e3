"""`GET /health` for watchdogs: is the database there and current, do the others live, what waits for too long."""

from dataclasses import asdict

from fastapi import APIRouter
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import JSONResponse

from crm import health, schema
from crm.db import Database, database
from crm.health import Problem
from crm.settings import settings

router = APIRouter()


@router.get("/health")
def answer() -> JSONResponse:
    """200 while customers are served, else 503, with what is wrong and what to do. Nothing in it is about a person."""
    base = database(settings().database_url)
    reachable, current = state_of(base)
    problems = _problems(base, reachable, current)
    red = any(problem.red for problem in problems)
    body = {
        "status": "red" if red else "attention" if problems else "ok",
        "database": {"reachable": reachable, "current": current},
        "heartbeats_s": _heartbeats(base) if current else {},
        "problems": [asdict(problem) for problem in problems],
    }
    return JSONResponse(body, 503 if red else 200, headers={"Cache-Control": "no-store"})


def _problems(base: Database, reachable: bool, current: bool) -> list[Problem]:
    if not reachable:
        return [Problem("the database does not answer", "see that it runs and that TRIAN_DATABASE_URL leads to it")]
    if not current:
        return [Problem("the database is not at the newest shape", "run `trian migrate`")]
    try:
        with base.begin() as session:
            health.try_to_write(session)
        with base.read() as session:
            return health.problems(session, settings().bot_id)
    except SQLAlchemyError as error:
        what = f"the database cannot be written ({type(error).__name__})"
        return [Problem(what, "see that its disk is not full or read-only, and that nothing holds it locked")]


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
