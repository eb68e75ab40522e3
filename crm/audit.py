"""The audit log: every change of state made by a person. The database refuses to change or delete a line of it."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from crm import clock
from crm.models.people import AuditEntry
from crm.models.staff import Staff
from crm.settings import settings

PAGE = 50
_MOMENT = "%Y%m%dT%H%M%S%f"


def record(session: Session, staff: Staff | None, action: str, subject: str, subject_id: int, **detail: Any) -> None:
    """Adds one line: who (None: the command line), did what, to which row, with JSON-able details."""
    session.add(
        AuditEntry(
            at=clock.now(),
            staff_id=staff.id if staff else None,
            action=action,
            subject=subject,
            subject_id=subject_id,
            detail=detail,
        )
    )


@dataclass(frozen=True)
class Filter:
    """Which lines are wanted; None: all. `since` and `until` are local days of the shop, both included."""

    staff_id: int | None = None
    action: str | None = None
    subject: str | None = None
    subject_id: int | None = None
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True)
class Line:
    """One line with who it was (empty: the system)."""

    entry: AuditEntry
    name: str

    @property
    def key(self) -> str:
        """Where the page after this line begins."""
        return f"{self.entry.at:{_MOMENT}}.{self.entry.id}"


def page(session: Session, wanted: Filter, before: str = "", limit: int = PAGE) -> list[Line]:
    """At most `limit` lines, newest first, after the line whose key is `before` (one that is none: from the newest)."""
    rows = (
        select(AuditEntry, Staff.name)
        .outerjoin(Staff, Staff.id == AuditEntry.staff_id)
        .where(*_conditions(wanted), *_after(before))
        .order_by(AuditEntry.at.desc(), AuditEntry.id.desc())
        .limit(limit)
    )
    return [Line(entry, name or "") for entry, name in session.execute(rows)]


def actions(session: Session) -> list[str]:
    """Every action there is a line of, found by jumps along the index: the log may be long."""
    found: list[str] = []
    following = select(func.min(AuditEntry.action))
    while (each := session.scalar(following.where(AuditEntry.action > found[-1]) if found else following)) is not None:
        found.append(each)
    return found


def _conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    zone, found = settings().zone, []
    for column, value in (
        (AuditEntry.staff_id, wanted.staff_id),
        (AuditEntry.action, wanted.action),
        (AuditEntry.subject, wanted.subject),
        (AuditEntry.subject_id, wanted.subject_id),
    ):
        if value is not None:
            found.append(column == value)
    if wanted.since is not None:
        found.append(AuditEntry.at >= clock.at_local(wanted.since, 0, zone))
    if wanted.until is not None:
        found.append(AuditEntry.at < clock.at_local(wanted.until + timedelta(days=1), 0, zone))
    return found


def _after(key: str) -> list[ColumnElement[bool]]:
    at, _, number = key.rpartition(".")
    try:
        moment, last = datetime.strptime(at, _MOMENT).replace(tzinfo=UTC), int(number)
    except ValueError:
        return []
    return [or_(AuditEntry.at < moment, and_(AuditEntry.at == moment, AuditEntry.id < last))]
