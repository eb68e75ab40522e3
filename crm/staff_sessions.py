"""Log-ins of staff: kept in the database, so that ending one here ends it in every process and browser."""

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.orm import Session

from crm import audit, clock
from crm.login_waits import Origin
from crm.models.staff import Staff, StaffSession
from crm.settings import settings

HERE = Origin()
SEEN_EVERY = timedelta(minutes=1)
_LONGEST_DEVICE = 200


def start(session: Session, staff: Staff, origin: Origin = HERE) -> str:
    """Begins a log-in; returns the token for the browser's cookie. Log-ins that ran out are swept away."""
    token = secrets.token_urlsafe(32)
    moment = clock.now()
    session.execute(delete(StaffSession).where(~_good(moment)))
    session.add(
        StaffSession(
            token_hash=_hash(token),
            staff_id=staff.id,
            created_at=moment,
            last_seen_at=moment,
            device=origin.device[:_LONGEST_DEVICE],
            address=origin.address[:64],
        )
    )
    audit.record(session, staff, "log_in", "staff", staff.id, address=origin.address[:64])
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
        .where(StaffSession.token_hash.in_(by_hash), _good(clock.now()), Staff.active.is_(True))
    )
    return {by_hash[token_hash]: staff for token_hash, staff in rows}


def seen(session: Session, token: str) -> None:
    """Notes that the person is there, at most once a minute."""
    moment = clock.now()
    mine = StaffSession.token_hash == _hash(token)
    session.execute(
        update(StaffSession)
        .where(mine, StaffSession.last_seen_at <= moment - SEEN_EVERY, _good(moment))
        .values(last_seen_at=moment)
    )


def of(session: Session, staff_id: int) -> list[StaffSession]:
    """The person's log-ins that are still good, the one used last first."""
    mine = select(StaffSession).where(StaffSession.staff_id == staff_id, _good(clock.now()))
    return list(session.scalars(mine.order_by(StaffSession.last_seen_at.desc(), StaffSession.token_hash)))


def last_seen(session: Session) -> dict[int, datetime]:
    """When each person who is logged in was there last."""
    rows = select(StaffSession.staff_id, func.max(StaffSession.last_seen_at)).where(_good(clock.now()))
    return {row[0]: row[1] for row in session.execute(rows.group_by(StaffSession.staff_id))}


def is_of(row: StaffSession, token: str) -> bool:
    """Whether `row` is the log-in of this token."""
    return row.token_hash == _hash(token)


def end(session: Session, token: str) -> None:
    """Logs this browser out. Harmless when it is out already."""
    session.execute(delete(StaffSession).where(StaffSession.token_hash == _hash(token)))


def end_one(session: Session, staff_id: int, token_hash: str) -> None:
    """Logs one browser of this person out. Harmless when it is out already, or another's."""
    session.execute(
        delete(StaffSession).where(StaffSession.staff_id == staff_id, StaffSession.token_hash == token_hash)
    )


def end_all(session: Session, staff_id: int) -> None:
    """Logs the person out everywhere."""
    session.execute(delete(StaffSession).where(StaffSession.staff_id == staff_id))


def end_others(session: Session, staff_id: int, token: str) -> None:
    """Logs the person out everywhere but here."""
    mine = StaffSession.staff_id == staff_id
    session.execute(delete(StaffSession).where(mine, StaffSession.token_hash != _hash(token)))


def _good(moment: datetime) -> ColumnElement[bool]:
    chosen = settings()
    begun = StaffSession.created_at >= moment - timedelta(hours=chosen.session_hours)
    return begun & (StaffSession.last_seen_at >= moment - timedelta(minutes=chosen.session_idle_minutes))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
