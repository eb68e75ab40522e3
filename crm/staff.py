"""Staff log-ins: argon2id hashes, and a wait that grows with each wrong password."""

import re
from datetime import timedelta
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import audit, clock, staff_sessions
from crm.errors import InvalidInput, NotFound
from crm.models.staff import Role, Staff

FREE_TRIES = 3
LONGEST_WAIT_S = 300
SHORTEST_PASSWORD = 8
_USERNAME = re.compile(r"^[a-z0-9][a-z0-9._-]{1,63}$")
_hasher = PasswordHasher()  # argon2id with the parameters of RFC 9106's low-memory profile


def add(session: Session, username: str, name: str, role: Role, password: str) -> Staff:
    """Makes a log-in. Raises InvalidInput for a name that is taken or unusable and for a short password."""
    username = username.strip().lower()
    if not _USERNAME.match(username):
        raise InvalidInput("username", "2 to 64 letters a-z, digits, dots, dashes")
    if session.scalar(select(Staff.id).where(Staff.username == username)) is not None:
        raise InvalidInput("username", "taken")
    if not name.strip():
        raise InvalidInput("name", "write the person's name")
    staff = Staff(username=username, name=name.strip(), role=role, created_at=clock.now(), password_hash="")
    staff.password_hash = _hashed(password)
    session.add(staff)
    session.flush()
    audit.record(session, None, "staff_add", "staff", staff.id, username=username, role=role.value)
    return staff


def find(session: Session, username: str) -> Staff:
    """The person with this log-in name; raises NotFound."""
    staff = session.scalar(select(Staff).where(Staff.username == username.strip().lower()))
    if staff is None:
        raise NotFound(f"staff {username}")
    return staff


def set_password(session: Session, staff: Staff, password: str) -> None:
    """Gives a new password, logs the person out everywhere, ends the wait. Raises InvalidInput for a short one."""
    staff.password_hash = _hashed(password)
    staff.failed_logins, staff.next_login_at = 0, None
    staff_sessions.end_all(session, staff.id)
    audit.record(session, None, "staff_password", "staff", staff.id)


def verify(session: Session, username: str, password: str) -> Staff | None:
    """Who this is, or None: no such person, disabled, wrong password, or still waiting after wrong ones.

    Each answer costs one hash, so that the time taken does not tell which. Commit also after None: it was counted.
    A try while waiting is not judged and not counted; otherwise anybody could keep a person out for ever.
    """
    staff = session.scalar(select(Staff).where(Staff.username == username.strip().lower()).with_for_update())
    right = _matches(staff.password_hash if staff is not None else _nobodys_hash(), password)
    if staff is None or not staff.active:
        return None
    moment = clock.now()
    if staff.next_login_at is not None and moment < staff.next_login_at:
        return None
    if not right:
        _count_failure(session, staff)
        return None
    staff.failed_logins, staff.next_login_at = 0, None
    if _hasher.check_needs_rehash(staff.password_hash):
        staff.password_hash = _hasher.hash(password)
    return staff


def _count_failure(session: Session, staff: Staff) -> None:
    staff.failed_logins += 1
    if staff.failed_logins >= FREE_TRIES:
        wait_s = min(LONGEST_WAIT_S, 2 ** min(staff.failed_logins - FREE_TRIES, 16))
        staff.next_login_at = clock.now() + timedelta(seconds=wait_s)
    audit.record(session, staff, "log_in_failed", "staff", staff.id, count=staff.failed_logins)


def _hashed(password: str) -> str:
    if len(password) < SHORTEST_PASSWORD:
        raise InvalidInput("password", f"at least {SHORTEST_PASSWORD} characters")
    return _hasher.hash(password)


def _matches(stored: str, password: str) -> bool:
    try:
        return _hasher.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


@lru_cache(maxsize=1)
def _nobodys_hash() -> str:
    return _hasher.hash("nobody has this password")
