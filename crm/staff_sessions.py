"""Log-ins of staff: kept in the database, so that ending one here ends it in every process and browser."""

import hashlib
import secrets
from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from crm import audit, clock
from crm.models.staff import Staff, StaffSession

LIFE = timedelta(hours=12)


def start(session: Session, staff: Staff) -> str:
    """Begins a log-in; returns the token for the browser's cookie. Log-ins that ran out are swept away."""
    token = secrets.token_urlsafe(32)
    moment = clock.now()
    session.execute(delete(StaffSession).where(StaffSession.created_at < moment - LIFE))
    session.add(StaffSession(token_hash=_hash(token), staff_id=staff.id, created_at=moment))
    audit.record(session, staff, "log_in", "staff", staff.id)
    return token


def staff_of(session: Session, token: str) -> Staff | None:
    """Who is logged in with `token`: None when it ended, ran out, or the person was disabled."""
    return alive(session, [token]).get(token)


def alive(session: Session, tokens: Collection[str]) -> dict[str, Staff]:
    """Those of `tokens` that are good, with whom they belong to. One query however many there are."""
    by_hash = {_hash(token): token for token in tokens}
    rows = session.execute(
        select(StaffSession.token_hash, Staff)
        .join(Staff, Staff.id == StaffSession.staff_id)
        .where(
            StaffSession.token_hash.in_(by_hash),
            StaffSession.created_at >= clock.now() - LIFE,
            Staff.active.is_(True),
        )
    )
    return {by_hash[token_hash]: staff for token_hash, staff in rows}


def end(session: Session, token: str) -> None:
    """Logs this browser out. Harmless when it is out already."""
    session.execute(delete(StaffSession).where(StaffSession.token_hash == _hash(token)))


def end_all(session: Session, staff_id: int) -> None:
    """Logs the person out everywhere."""
    session.execute(delete(StaffSession).where(StaffSession.staff_id == staff_id))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
