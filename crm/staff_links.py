"""One-time links: whoever holds one may do one thing once, for a while."""

import hashlib
import secrets
from datetime import timedelta

from sqlalchemy import CursorResult, delete, select, update
from sqlalchemy.orm import Session

from crm import clock
from crm.errors import TrianError
from crm.models.staff import LinkPurpose, StaffLink

LIFE = {
    LinkPurpose.FIRST: timedelta(hours=1),
    LinkPurpose.PASSWORD: timedelta(hours=24),
    LinkPurpose.SECOND_STEP: timedelta(minutes=10),
}
KEPT = timedelta(days=30)


class LinkSpent(TrianError):
    """The link was used already, ran out, or never was one."""


def give(session: Session, purpose: LinkPurpose, staff_id: int | None = None) -> str:
    """A new link's token, which is kept nowhere. The person's earlier links for the same end now, except log-ins."""
    moment, token = clock.now(), secrets.token_urlsafe(32)
    session.execute(delete(StaffLink).where(StaffLink.expires_at < moment - KEPT))
    if purpose is not LinkPurpose.SECOND_STEP:
        before = update(StaffLink).where(StaffLink.purpose == purpose, StaffLink.used_at.is_(None))
        mine = StaffLink.staff_id == staff_id if staff_id is not None else StaffLink.staff_id.is_(None)
        session.execute(before.where(mine).values(used_at=moment))
    expires = moment + LIFE[purpose]
    session.add(StaffLink(token_hash=_hash(token), purpose=purpose, staff_id=staff_id, expires_at=expires))
    session.flush()
    return token


def look(session: Session, purpose: LinkPurpose, token: str) -> StaffLink:
    """The link, still good. Raises LinkSpent."""
    good = StaffLink.used_at.is_(None), StaffLink.expires_at > clock.now()
    link = session.scalar(
        select(StaffLink).where(StaffLink.token_hash == _hash(token), StaffLink.purpose == purpose, *good)
    )
    if link is None:
        raise LinkSpent(f"{purpose}: used, run out, or never given")
    return link


def use(session: Session, purpose: LinkPurpose, token: str) -> StaffLink:
    """Uses the link up; of two at once one gets LinkSpent."""
    link = look(session, purpose, token)
    taken = update(StaffLink).where(StaffLink.id == link.id, StaffLink.used_at.is_(None)).values(used_at=clock.now())
    result = session.execute(taken)
    assert isinstance(result, CursorResult)
    if result.rowcount != 1:
        raise LinkSpent(f"{purpose}: used this very moment")
    return link


def end_all(session: Session, staff_id: int) -> None:
    """Makes every link of the person worthless."""
    session.execute(
        update(StaffLink).where(StaffLink.staff_id == staff_id, StaffLink.used_at.is_(None)).values(used_at=clock.now())
    )


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
